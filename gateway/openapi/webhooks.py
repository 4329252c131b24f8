"""The webhooks that the service sends, as the OpenAPI document describes them."""

import inspect
from typing import Any, Final

from events.catalogue import CATALOGUE
from gateway.openapi.event_schemas import message_name
from gateway.openapi.schemas import ref

_HEADERS: Final = (
    ("webhook-id", {"type": "string"}, "The id of the message, the same at every attempt"),
    ("webhook-timestamp", {"type": "integer"}, "When this attempt was made, in Unix seconds"),
    ("webhook-signature", {"type": "string"}, "Signatures by Standard Webhooks: `v1` with a secret, `v1a` with a key"),
    ("webhook-sequence", {"type": "integer"}, "The version of the event: larger is later"),
)
_TRACEPARENT: Final = {
    "name": "traceparent",
    "in": "header",
    "required": False,
    "description": "The trace of the submission, by W3C Trace Context, if it has one",
    "schema": {"type": "string"},
}
_RESPONSES: Final = {
    "2XX": {"description": "Accepted"},
    "410": {"description": "The endpoint is disabled: nothing more is sent to it"},
    "default": {"description": "Sent again later, ten times at most"},
}


def webhooks() -> dict[str, Any]:
    """Describe the webhook of every deliverable event type."""
    return {name: {"post": _webhook(name)} for name in CATALOGUE.deliverable}


def _webhook(name: str) -> dict[str, Any]:
    described = " ".join(inspect.cleandoc(CATALOGUE[name].cls.__doc__ or "").split())
    return {
        "operationId": f"on{message_name(name).removesuffix('Message')}",
        "tags": ["Webhooks"],
        "summary": f"Receive `{name}`",
        "description": described,
        "parameters": [
            *(
                {"name": header, "in": "header", "required": True, "description": meaning, "schema": schema}
                for header, schema, meaning in _HEADERS
            ),
            _TRACEPARENT,
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": ref(message_name(name))}}},
        "security": [],
        "responses": _RESPONSES,
    }
