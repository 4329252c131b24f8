"""The operations about generations, their events and webhooks, and how the service is."""

from typing import Any, Final

from domain.paths import GENERATIONS as PREFIX
from gateway.openapi.operation import Operation
from gateway.webhooks.deliveries import DeliveriesRequest, ExampleRequest, RecoverRequest, StatsRequest
from gateway.webhooks.endpoints import BASE, EndpointCreateRequest, EndpointUpdateRequest

_ONE: Final = PREFIX + "/{generation_id}"
_OLD: Final = "/api/v1/generation/generations/{generation_id}"
_PAGE: Final = ("after", "wait", "limit")
_FEED: Final = "/api/v1/projects/{project_id}/events"
_OF_PROJECT: Final = "/api/v1/projects/{project_id}/generations"
_ENDPOINT: Final = BASE + "/{endpoint_id}"
_DEFAULT: Final = "/api/v1/webhooks/default/secret"
_LIST: Final = (
    "status", "state", "created_after", "created_before", "request_id", "idempotency_key", "page",
    "per_page", "cursor", "limit",
)  # fmt: skip
_PUBLIC_LIST: Final = tuple(name for name in _LIST if name != "request_id")
_TEXT: Final = {"type": "string"}
_FILE: Final = {"type": "string", "format": "binary"}
_FILES: Final = {"type": "array", "items": _FILE, "minItems": 1, "maxItems": 5}
_SUBMISSION: Final[dict[str, Any]] = {
    "multipart/form-data": {
        "type": "object",
        "required": ["instructions"],
        "properties": {
            "example_images": _FILES,
            "files": {**_FILES, "description": "Another name of example_images"},
            "instructions": {**_TEXT, "description": "A sentence, or a JSON object with `prompt`"},
            "webhook": {**_TEXT, "maxLength": 2048},
            "webhook_events_filter": _TEXT,
            "metadata": {**_TEXT, "maxLength": 2048, "description": "A JSON object of texts"},
        },
    }
}
_IS_PUBLIC: Final = {
    "type": "object",
    "required": ["is_public"],
    "properties": {"is_public": {"type": "boolean"}},
}
_FORMS: Final = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
_PUBLIC: Final = dict.fromkeys(_FORMS, _IS_PUBLIC)
_SEED: Final = {
    "application/json": {"type": "object", "properties": {"seed": {"enum": ["new", "same"]}}},
}
_PARTS: Final = {206: "The part that Range asks for", 304: "Not modified"}
_CALLBACK: Final = {"application/json": {"type": "object"}}
_ASKING: Final = ("Idempotency-Key", "Cancel-After", "Prefer")

GENERATIONS: Final = (
    Operation("post", "/api/v1/generation/generate-v2", "Ask for a picture", "submitter", 202,
              body=_SUBMISSION, answer="GenerationCreated", headers=_ASKING,
              also={200: "Finished while `Prefer: wait` was heeded"}),
    Operation("get", PREFIX, "List one's generations", "end_user", query=_LIST, answer="Generations"),
    Operation("get", "/api/v1/generation/public-generations-v2", "List the project's public generations",
              "end_user", query=_PUBLIC_LIST, answer="PublicGenerations"),
    Operation("get", _ONE, "Read a generation", "end_user", answer="Generation",
              headers=("If-None-Match",), also={304: "Not modified"}),
    Operation("get", f"{_ONE}/status", "Read a generation", "end_user", answer="Generation",
              headers=("If-None-Match",), also={304: "Not modified"}),
    Operation("post", f"{_ONE}/cancel", "Cancel a generation", "end_user", 202, answer="Generation",
              also={200: "It is over already"}),
    Operation("post", f"{_ONE}/retry", "Make a finished generation once more", "submitter", 202,
              body=_SEED, optional_body=True, answer="GenerationCreated", headers=_ASKING,
              also={200: "Finished while `Prefer: wait` was heeded"}),
    Operation("get", f"{_ONE}/explain", "Read what a generation waits for", "end_user"),
    Operation("patch", f"{_ONE}/public", "Publish a generation, or take it back", "end_user", body=_PUBLIC,
              answer="Generation"),
    Operation("delete", _ONE, "Delete a generation with its words and pictures", "end_user"),
    Operation("delete", _OLD, "Delete a generation with its words and pictures", "end_user"),
    Operation("get", f"{_ONE}/image", "Read the first picture, by signed link", "link", answer="image/*",
              query=("expires",)),
    Operation("get", _ONE + "/images/{number}", "Read a picture, by signed link", "link",
              answer="image/*", query=("expires",), headers=("Range", "If-None-Match"), also=_PARTS),
    Operation("get", _ONE + "/examples/{number}", "Read an example, by signed link", "link",
              answer="image/*", query=("expires",), headers=("Range", "If-None-Match"), also=_PARTS),
    Operation("get", f"{_ONE}/events", "Watch a generation: SSE, NDJSON or JSON", "ticket",
              query=("after", "wait", "ticket"), answer="text/event-stream", headers=("Last-Event-ID",)),
    Operation("post", f"{_ONE}/events/ticket", "Make a ticket for a browser", "end_user", 201),
    Operation("get", f"{PREFIX}/events", "Watch all of one's generations", "ticket",
              query=(*_PAGE, "ticket"), answer="text/event-stream", headers=("Last-Event-ID",)),
    Operation("post", f"{PREFIX}/events/ticket", "Make a ticket for a browser", "end_user", 201),
    Operation("get", _FEED, "Watch a project", "ticket",
              query=(*_PAGE, "ticket"), answer="text/event-stream", headers=("Last-Event-ID",)),
    Operation("post", f"{_FEED}/ticket", "Make a ticket for a browser", "developer", 201),
    Operation("get", _OF_PROJECT, "List the generations of a project", "developer",
              query=(*_LIST, "user_id"), answer="Generations"),
    Operation("get", _OF_PROJECT + "/{generation_id}", "Read a generation of a project", "developer",
              answer="Generation"),
    Operation("get", BASE, "List a project's webhook endpoints", "developer"),
    Operation("post", BASE, "Make a webhook endpoint; its secret is shown this once", "developer", 201,
              body=EndpointCreateRequest),
    Operation("get", _ENDPOINT, "Read an endpoint", "developer"),
    Operation("patch", _ENDPOINT, "Change an endpoint", "developer", body=EndpointUpdateRequest),
    Operation("delete", _ENDPOINT, "Take an endpoint away", "developer", 204),
    Operation("post", f"{_ENDPOINT}/enable", "Let deliveries go on", "developer"),
    Operation("post", f"{_ENDPOINT}/disable", "Stop all deliveries", "developer"),
    Operation("post", f"{_ENDPOINT}/rotate", "Make a new secret, shown this once", "developer"),
    Operation("get", f"{_ENDPOINT}/deliveries", "List deliveries", "developer", query=DeliveriesRequest),
    Operation("get", _ENDPOINT + "/deliveries/{delivery_id}", "Read a delivery", "developer"),
    Operation("post", _ENDPOINT + "/deliveries/{delivery_id}/resend", "Send a delivery anew", "developer",
              202),
    Operation("post", f"{_ENDPOINT}/recover", "Send anew what failed since a moment", "developer", 202,
              body=RecoverRequest),
    Operation("get", f"{_ENDPOINT}/stats", "Read an endpoint's numbers", "developer", query=StatsRequest),
    Operation("post", f"{_ENDPOINT}/test", "Send an example", "developer", 202, body=ExampleRequest,
              optional_body=True),
    Operation("get", _DEFAULT, "Read the secret that signs webhooks of single requests", "developer",
              headers=("X-Project-ID",)),
    Operation("post", f"{_DEFAULT}/rotate", "Make a new one", "developer", headers=("X-Project-ID",)),
    Operation("post", "/api/v1/provider/replicate", "Hear from Replicate, signed by it", "anybody",
              body=_CALLBACK),
    Operation("get", "/", "Read what this is", "anybody"),
    Operation("get", "/openapi.json", "Read this document", "anybody"),
    Operation("get", "/health", "Read how the service is", "anybody", also={503: "It cannot record"}),
    Operation("get", "/api/v1/health", "Read how the service is", "anybody", also={503: "It cannot record"}),
    Operation("get", "/api/v1/health/database", "Read how the store is", "anybody",
              also={503: "It is out of reach"}),
)  # fmt: skip
