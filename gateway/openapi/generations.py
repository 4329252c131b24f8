"""Operations on generations, events and webhooks, and the health of the service."""

from typing import Any, Final

from domain.generation.callback import callback_path
from domain.paths import (
    DEFAULT_WEBHOOK_SECRET,
    GENERATION,
    GENERATIONS,
    HEALTH,
    OLDER_GENERATION,
    PROJECT_EVENTS,
    PROJECT_GENERATIONS,
    PROJECT_WEBHOOKS,
    PUBLIC_GENERATIONS,
    SUBMIT,
    WEBHOOK_ENDPOINT,
)
from gateway.openapi.operation import Operation
from gateway.provider_callbacks import PROVIDER
from gateway.webhooks.deliveries import DeliveriesRequest, ExampleRequest, RecoverRequest, StatsRequest
from gateway.webhooks.endpoints import EndpointCreateRequest, EndpointUpdateRequest

_PAGE: Final = ("after", "wait", "limit")
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
            "metadata": {**_TEXT, "maxLength": 2048, "description": "A JSON object of strings"},
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
_OPTIONS: Final = ("Idempotency-Key", "Cancel-After", "Prefer")

GENERATION_OPERATIONS: Final = (
    Operation("post", SUBMIT, "Submit a generation", "submitter", 202,
              body=_SUBMISSION, answer="GenerationCreated", headers=_OPTIONS,
              also={200: "Finished within `Prefer: wait`"}),
    Operation("get", GENERATIONS, "List your generations", "end_user", query=_LIST, answer="Generations"),
    Operation("get", PUBLIC_GENERATIONS, "List the project's public generations",
              "end_user", query=_PUBLIC_LIST, answer="PublicGenerations"),
    Operation("get", GENERATION, "Read a generation", "end_user", answer="Generation",
              headers=("If-None-Match",), also={304: "Not modified"}),
    Operation("get", f"{GENERATION}/status", "Read a generation", "end_user", answer="Generation",
              headers=("If-None-Match",), also={304: "Not modified"}),
    Operation("post", f"{GENERATION}/cancel", "Cancel a generation", "end_user", 202, answer="Generation",
              also={200: "Already final"}),
    Operation("post", f"{GENERATION}/retry", "Repeat a finished generation", "submitter", 202,
              body=_SEED, optional_body=True, answer="GenerationCreated", headers=_OPTIONS,
              also={200: "Finished within `Prefer: wait`"}),
    Operation("get", f"{GENERATION}/explain", "Explain why a generation is not finished", "end_user"),
    Operation("patch", f"{GENERATION}/public", "Make a generation public or private", "end_user",
              body=_PUBLIC,
              answer="Generation"),
    Operation("delete", GENERATION, "Delete a generation with its personal data and pictures", "end_user"),
    Operation("delete", OLDER_GENERATION, "Delete a generation with its personal data and pictures",
              "end_user"),
    Operation("get", f"{GENERATION}/image", "Read the first picture, by signed link", "link",
              answer="image/*",
              query=("expires",)),
    Operation("get", GENERATION + "/images/{number}", "Read a picture, by signed link", "link",
              answer="image/*", query=("expires",), headers=("Range", "If-None-Match"), also=_PARTS),
    Operation("get", GENERATION + "/examples/{number}", "Read an example, by signed link", "link",
              answer="image/*", query=("expires",), headers=("Range", "If-None-Match"), also=_PARTS),
    Operation("get", f"{GENERATION}/events", "Watch a generation: SSE, NDJSON or JSON", "ticket",
              query=("after", "wait", "ticket"), answer="text/event-stream", headers=("Last-Event-ID",)),
    Operation("post", f"{GENERATION}/events/ticket", "Issue a ticket for a browser", "end_user", 201),
    Operation("get", f"{GENERATIONS}/events", "Watch all your generations", "ticket",
              query=(*_PAGE, "ticket"), answer="text/event-stream", headers=("Last-Event-ID",)),
    Operation("post", f"{GENERATIONS}/events/ticket", "Issue a ticket for a browser", "end_user", 201),
    Operation("get", PROJECT_EVENTS, "Watch a project", "ticket",
              query=(*_PAGE, "ticket"), answer="text/event-stream", headers=("Last-Event-ID",)),
    Operation("post", f"{PROJECT_EVENTS}/ticket", "Issue a ticket for a browser", "developer", 201),
    Operation("get", PROJECT_GENERATIONS, "List the generations of a project", "developer",
              query=(*_LIST, "user_id"), answer="Generations"),
    Operation("get", PROJECT_GENERATIONS + "/{generation_id}", "Read a generation of a project", "developer",
              answer="Generation"),
    Operation("get", PROJECT_WEBHOOKS, "List a project's webhook endpoints", "developer"),
    Operation("post", PROJECT_WEBHOOKS, "Make a webhook endpoint; its secret is shown once", "developer", 201,
              body=EndpointCreateRequest),
    Operation("get", WEBHOOK_ENDPOINT, "Read an endpoint", "developer"),
    Operation("patch", WEBHOOK_ENDPOINT, "Change an endpoint", "developer", body=EndpointUpdateRequest),
    Operation("delete", WEBHOOK_ENDPOINT, "Remove an endpoint", "developer", 204),
    Operation("post", f"{WEBHOOK_ENDPOINT}/enable", "Resume deliveries", "developer"),
    Operation("post", f"{WEBHOOK_ENDPOINT}/disable", "Stop all deliveries", "developer"),
    Operation("post", f"{WEBHOOK_ENDPOINT}/rotate", "Rotate the secret; the new one is shown once",
              "developer"),
    Operation("get", f"{WEBHOOK_ENDPOINT}/deliveries", "List deliveries", "developer",
              query=DeliveriesRequest),
    Operation("get", WEBHOOK_ENDPOINT + "/deliveries/{delivery_id}", "Read a delivery", "developer"),
    Operation("post", WEBHOOK_ENDPOINT + "/deliveries/{delivery_id}/resend", "Resend a delivery", "developer",
              202),
    Operation("post", f"{WEBHOOK_ENDPOINT}/recover", "Resend what failed since a time", "developer", 202,
              body=RecoverRequest),
    Operation("get", f"{WEBHOOK_ENDPOINT}/stats", "Read an endpoint's statistics", "developer",
              query=StatsRequest),
    Operation("post", f"{WEBHOOK_ENDPOINT}/test", "Send an example", "developer", 202, body=ExampleRequest,
              optional_body=True),
    Operation("get", DEFAULT_WEBHOOK_SECRET, "Read the secret that signs webhooks of single requests",
              "developer",
              headers=("X-Project-ID",)),
    Operation("post", f"{DEFAULT_WEBHOOK_SECRET}/rotate", "Rotate this secret", "developer",
              headers=("X-Project-ID",)),
    Operation("post", callback_path(PROVIDER), "Receive a signed callback of the provider", "anybody",
              body=_CALLBACK),
    Operation("get", "/", "Read name and version", "anybody"),
    Operation("get", "/openapi.json", "Read this document", "anybody"),
    Operation("get", "/health", "Read the health of the service", "anybody",
              also={503: "Requests cannot be recorded"}),
    Operation("get", HEALTH, "Read the health of the service", "anybody",
              also={503: "Requests cannot be recorded"}),
    Operation("get", f"{HEALTH}/database", "Read the health of the database", "anybody",
              also={503: "The database cannot be reached"}),
)  # fmt: skip
