"""The schemas of events as subscribers, webhooks and readers of the log get them."""

import json
from collections.abc import Mapping
from typing import Any, Final

from domain.webhooks.message_body import WebhookMessage
from events import public_schemas
from events.catalogue import CATALOGUE
from gateway.openapi.schemas import Schema, Schemas, ref

_TEXT: Final[Schema] = {"type": "string"}
_HEAD: Final = frozenset({"$schema", "$id", "$defs"})
_LOG_EVENT: Final[Schema] = {
    "type": "object",
    "description": "A CloudEvent as the log holds it; its `dataschema` names the JSON Schema of its data.",
    "required": [
        "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data", "stream",
        "version", "actor",
    ],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _TEXT,
        "source": _TEXT,
        "type": {"type": "string", "enum": list(CATALOGUE.names)},
        "subject": _TEXT,
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": _TEXT,
        "data": {"type": "object", "additionalProperties": True},
        "stream": _TEXT,
        "version": {"type": "integer", "minimum": 1},
        **dict.fromkeys(("actor", "requestid", "correlationid", "causationid", "traceparent"), _TEXT),
    },
}  # fmt: skip


def event_name(event_type: str) -> str:
    """Name the schema of the events of a type: `generation.completed` becomes `GenerationCompletedEvent`."""
    return f"{_camel(event_type)}Event"


def message_name(event_type: str) -> str:
    """Name the schema of the webhooks of a type."""
    return f"{_camel(event_type)}Message"


def add_event_schemas(schemas: Schemas) -> None:
    """Add the schema of every visible type, of any of them, and of an event of the log."""
    published, mapping = public_schemas.published(), dict[str, str]()
    for row in CATALOGUE.rows:
        if row.public is None:
            continue
        newest = published[row.name][max(published[row.name])]
        for name, schema in newest.get("$defs", {}).items():
            schemas.add(name, _rebased(schema))
        name = event_name(row.name)
        schemas.add(name, _rebased({key: value for key, value in newest.items() if key not in _HEAD}))
        mapping[row.name] = ref(name)["$ref"]
    one_of = [{"$ref": target} for target in mapping.values()]
    schemas.add("VisibleEvent", {"oneOf": one_of, "discriminator": {"propertyName": "type", "mapping": mapping}})
    cursor = {"type": "object", "required": ["cursor"], "properties": {"cursor": _TEXT}}
    schemas.add("FeedEvent", {"allOf": [ref("VisibleEvent"), cursor]})
    schemas.add("LogEvent", _LOG_EVENT)


def add_message_schemas(schemas: Schemas) -> None:
    """Add the schema of the webhooks of every deliverable type; `add_event_schemas` comes first."""
    schemas.of(WebhookMessage)
    for name in CATALOGUE.deliverable:
        narrowed = {
            "properties": {
                "type": {"const": name},
                "data": {"properties": {"event": ref(event_name(name))}},
            },
        }
        schemas.add(message_name(name), {"allOf": [ref("WebhookMessage"), narrowed]})


def _rebased(schema: Mapping[str, Any]) -> Schema:
    """Point the references of a schema that stands alone to the schemas of the document."""
    rebased: Schema = json.loads(json.dumps(schema).replace('"#/$defs/', '"#/components/schemas/'))
    return rebased


def _camel(event_type: str) -> str:
    return "".join(word.capitalize() for word in event_type.replace(".", "_").split("_"))
