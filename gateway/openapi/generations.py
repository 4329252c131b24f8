"""Operations on generations, events and webhooks, and the health of the service."""

from typing import Any, Final

from domain.generation.list_query import LIST_PARAMETERS
from domain.paths import (
    DEFAULT_WEBHOOK_SECRET,
    GENERATION,
    GENERATIONS,
    HEALTH,
    OLDER_GENERATION,
    PROJECT_EVENTS,
    PROJECT_GENERATIONS,
    PROJECT_WEBHOOKS,
    PROVIDER_CALLBACK,
    PUBLIC_GENERATIONS,
    SUBMIT,
    WEBHOOK_ENDPOINT,
)
from gateway.openapi.operation import delete, get, patch, post
from gateway.webhooks.deliveries import DeliveriesRequest, ExampleRequest, RecoverRequest, StatsRequest
from gateway.webhooks.endpoints import EndpointCreateRequest, EndpointUpdateRequest

_PAGE: Final = ("after", "wait", "limit")
_PUBLIC_LIST: Final = tuple(name for name in LIST_PARAMETERS if name != "request_id")
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
_CALLBACK: Final = {"application/json": {"type": "object"}}
_OPTIONS: Final = ("Idempotency-Key", "Cancel-After", "Prefer")
_WAITED: Final = {200: "Finished within `Prefer: wait`"}
_UNCHANGED: Final = {304: "Not modified"}
_PARTS: Final = {206: "The part that Range asks for", **_UNCHANGED}
_DOWN: Final = {503: "Requests cannot be recorded"}
_OWN_EVENTS: Final = f"{GENERATIONS}/events"
_DELIVERIES: Final = f"{WEBHOOK_ENDPOINT}/deliveries"

_GENERATION_OPERATIONS: Final = (
    post(SUBMIT, "Submit a generation", "submission", 202, body=_SUBMISSION, answer="GenerationCreated",
         headers=_OPTIONS, also=_WAITED),
    get(GENERATIONS, "List your generations", "end_user", query=LIST_PARAMETERS, answer="Generations"),
    get(PUBLIC_GENERATIONS, "List the project's public generations", "end_user", query=_PUBLIC_LIST,
        answer="PublicGenerations"),
    *(
        get(path, "Read a generation", "end_user", answer="Generation", headers=("If-None-Match",),
            also=_UNCHANGED)
        for path in (GENERATION, f"{GENERATION}/status")
    ),
    post(f"{GENERATION}/cancel", "Cancel a generation", "end_user", 202, answer="Generation",
         also={200: "Already final"}),
    post(f"{GENERATION}/retry", "Repeat a finished generation", "submission", 202, body=_SEED,
         optional_body=True, answer="GenerationCreated", headers=_OPTIONS, also=_WAITED),
    get(f"{GENERATION}/explain", "Explain why a generation is not finished", "end_user"),
    patch(f"{GENERATION}/public", "Make a generation public or private", "end_user", body=_PUBLIC,
          answer="Generation"),
    *(
        delete(path, "Delete a generation with its personal data and pictures", "end_user")
        for path in (GENERATION, OLDER_GENERATION)
    ),
    get(f"{GENERATION}/image", "Read the first picture, by signed link", "link", answer="image/*",
        query=("expires",)),
    *(
        get(f"{GENERATION}/{kind}/{{number}}", f"Read {one}, by signed link", "link", answer="image/*",
            query=("expires",), headers=("Range", "If-None-Match"), also=_PARTS)
        for kind, one in (("images", "a picture"), ("examples", "an example"))
    ),
    get(PROJECT_GENERATIONS, "List the generations of a project", "developer",
        query=(*LIST_PARAMETERS, "user_id"), answer="Generations"),
    get(PROJECT_GENERATIONS + "/{generation_id}", "Read a generation of a project", "developer",
        answer="Generation"),
)  # fmt: skip

_EVENT_OPERATIONS: Final = (
    *(
        get(path, summary, "ticket", query=query, answer="text/event-stream", headers=("Last-Event-ID",))
        for path, summary, query in (
            (f"{GENERATION}/events", "Watch a generation: SSE, NDJSON or JSON", ("after", "wait", "ticket")),
            (_OWN_EVENTS, "Watch all your generations", (*_PAGE, "ticket")),
            (PROJECT_EVENTS, "Watch a project", (*_PAGE, "ticket")),
        )
    ),
    post(f"{GENERATION}/events/ticket", "Issue a ticket for a browser", "end_user", 201),
    post(f"{_OWN_EVENTS}/ticket", "Issue a ticket for a browser", "end_user", 201),
    post(f"{PROJECT_EVENTS}/ticket", "Issue a ticket for a browser", "developer", 201),
)

_WEBHOOK_OPERATIONS: Final = (
    get(PROJECT_WEBHOOKS, "List a project's webhook endpoints", "developer"),
    post(PROJECT_WEBHOOKS, "Make a webhook endpoint; its secret is shown once", "developer", 201,
         body=EndpointCreateRequest),
    get(WEBHOOK_ENDPOINT, "Read an endpoint", "developer"),
    patch(WEBHOOK_ENDPOINT, "Change an endpoint", "developer", body=EndpointUpdateRequest),
    delete(WEBHOOK_ENDPOINT, "Remove an endpoint", "developer", 204),
    post(f"{WEBHOOK_ENDPOINT}/enable", "Resume deliveries", "developer"),
    post(f"{WEBHOOK_ENDPOINT}/disable", "Stop all deliveries", "developer"),
    post(f"{WEBHOOK_ENDPOINT}/rotate", "Rotate the secret; the new one is shown once", "developer"),
    get(_DELIVERIES, "List deliveries", "developer", query=DeliveriesRequest),
    get(_DELIVERIES + "/{delivery_id}", "Read a delivery", "developer"),
    post(_DELIVERIES + "/{delivery_id}/resend", "Resend a delivery", "developer", 202),
    post(f"{WEBHOOK_ENDPOINT}/recover", "Resend what failed since a time", "developer", 202,
         body=RecoverRequest),
    get(f"{WEBHOOK_ENDPOINT}/stats", "Read an endpoint's statistics", "developer", query=StatsRequest),
    post(f"{WEBHOOK_ENDPOINT}/test", "Send an example", "developer", 202, body=ExampleRequest,
         optional_body=True),
    get(DEFAULT_WEBHOOK_SECRET, "Read the secret that signs webhooks of single requests", "developer",
        headers=("X-Project-ID",)),
    post(f"{DEFAULT_WEBHOOK_SECRET}/rotate", "Rotate this secret", "developer", headers=("X-Project-ID",)),
)  # fmt: skip

GENERATION_OPERATIONS: Final = (
    *_GENERATION_OPERATIONS,
    *_EVENT_OPERATIONS,
    *_WEBHOOK_OPERATIONS,
    post(PROVIDER_CALLBACK, "Receive a signed callback of the provider", "public", body=_CALLBACK),
    get("/", "Read name and version", "public"),
    get("/openapi.json", "Read this document", "public"),
    *(get(path, "Read the health of the service", "public", also=_DOWN) for path in ("/health", HEALTH)),
    get(f"{HEALTH}/database", "Read the health of the database", "public",
        also={503: "The database cannot be reached"}),
)  # fmt: skip
