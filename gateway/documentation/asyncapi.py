"""What the service sends by itself as one AsyncAPI 3 document: streams, webhooks and the exchange in RabbitMQ."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final

from domain.paths import GENERATION, GENERATIONS, PROJECT_EVENTS
from events.catalogue import CATALOGUE
from events.event_type import EventType
from gateway.openapi.event_schemas import add_event_schemas, add_message_schemas, event_name, message_name
from gateway.openapi.schemas import Schema, Schemas, ref

_JSON: Final = "application/json"
_FRAMES: Final[Mapping[str, tuple[str, Schema]]] = {
    "snapshot": ("The generation, or for feeds the generations that changed last, as they are now", {"type": "object"}),
    "caught_up": ("All stored events were sent; live ones follow", {"type": "object"}),
    "reset": (
        "The position to resume from is unknown; a snapshot follows",
        {"type": "object", "required": ["reason"], "properties": {"reason": {"const": "unknown_position"}}},
    ),
    "goodbye": (
        "The stream ends: connect again with the last id, or log in again",
        {
            "type": "object",
            "required": ["reason"],
            "properties": {"reason": {"enum": ["shutdown", "max_life", "credentials"]}},
        },
    ),
}
_SIGNED: Final[Schema] = {
    "type": "object",
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature", "webhook-sequence"],
    "properties": {
        "webhook-id": {"type": "string", "description": "The same at every attempt"},
        "webhook-timestamp": {"type": "integer", "description": "Unix seconds of this attempt"},
        "webhook-signature": {"type": "string", "description": "`v1` with a secret, `v1a` with a key"},
        "webhook-sequence": {"type": "integer", "description": "The version of the event: larger is later"},
        "traceparent": {"type": "string", "description": "The trace of the submission (W3C Trace Context), if any"},
    },
}
_STREAMS: Final = {
    "generationStream": (f"{GENERATION}/events", "The events of one generation, for its owner"),
    "userFeed": (f"{GENERATIONS}/events", "The events of all generations of a user"),
    "projectFeed": (PROJECT_EVENTS, "The events of all generations of a project, for its developer"),
}


def asyncapi(version: str, server: str | None = None) -> dict[str, Any]:
    """Write the document; `version` is that of the service, `server` its public host."""
    schemas = Schemas()
    add_event_schemas(schemas)
    add_message_schemas(schemas)
    visible = [row.name for row in CATALOGUE.rows if row.public is not None]
    messages = _messages(visible, schemas)
    schemas.components["VisibleEvent"]["discriminator"] = "type"  # OpenAPI's form has a mapping, AsyncAPI's has none
    channels = {
        **{name: _stream(path, meaning, visible) for name, (path, meaning) in _STREAMS.items()},
        "webhook": _channel(None, "An event on its way to an endpoint", map(message_name, CATALOGUE.deliverable)),
        "exchange": _exchange(),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Exemplar",
            "version": version,
            "description": "Events of generations: as server-sent events, as webhooks, and in RabbitMQ.",
        },
        "defaultContentType": _JSON,
        "servers": _servers(server),
        "channels": channels,
        "operations": {f"send{name[0].upper()}{name[1:]}": _operation(name) for name in channels},
        "components": {"messages": messages, "schemas": dict(sorted(schemas.components.items()))},
    }


def _servers(server: str | None) -> dict[str, Any]:
    broker = {"host": "rabbitmq:5672", "protocol": "amqp", "description": "The broker of the installation"}
    address = server or "http://127.0.0.1:8000"
    protocol, _, host = address.partition("://")
    return {
        "gateway": {"host": host, "protocol": protocol, "description": "Streams, by `Accept: text/event-stream`"},
        "broker": broker,
    }


def _stream(path: str, meaning: str, visible: Iterable[str]) -> dict[str, Any]:
    names = [name for name in ("generation_id", "project_id") if f"{{{name}}}" in path]
    channel = _channel(path, meaning, [*map(event_name, visible), *map(_frame_name, _FRAMES)])
    parameters = {name: {"description": f"The id of the {name.removesuffix('_id')}"} for name in names}
    return {
        **channel,
        **({"parameters": parameters} if parameters else {}),
        "servers": [{"$ref": "#/servers/gateway"}],
    }


def _channel(address: str | None, meaning: str, names: Iterable[str]) -> dict[str, Any]:
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in names}
    return {"address": address, "description": meaning, "messages": messages}


def _exchange() -> dict[str, Any]:
    meaning = "Topic exchange: the routing key is the type of the event, `CC` names the actors that have work"
    channel = _channel("events", meaning, map(_recorded_name, CATALOGUE.names))
    exchange = {"name": "events", "type": "topic", "durable": True, "autoDelete": False, "vhost": "/"}
    return {
        **channel,
        "servers": [{"$ref": "#/servers/broker"}],
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}},
    }


def _operation(channel: str) -> dict[str, Any]:
    return {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}}


def _messages(visible: Iterable[str], schemas: Schemas) -> dict[str, Any]:
    """Describe every message: events as subscribers see them, webhooks, events of the log, and frames of streams."""
    shown = {event_name(name): _message(name, ref(event_name(name))) for name in visible}
    webhooks = {
        message_name(name): {**_message(name, ref(message_name(name))), "headers": _SIGNED}
        for name in CATALOGUE.deliverable
    }
    recorded = {_recorded_name(row.name): _message(row.name, _recorded(row, schemas)) for row in CATALOGUE.rows}
    frames = {
        _frame_name(name): {"name": name, "title": name, "summary": meaning, "contentType": _JSON, "payload": schema}
        for name, (meaning, schema) in _FRAMES.items()
    }
    return {**shown, **webhooks, **recorded, **frames}


def _message(name: str, payload: Schema) -> dict[str, Any]:
    row = CATALOGUE[name]
    summary = " ".join(inspect.cleandoc(row.cls.__doc__ or "").split())
    return {"name": name, "title": name, "summary": summary, "contentType": _JSON, "payload": payload}


def _recorded(row: EventType, schemas: Schemas) -> Schema:
    """Describe an event of the log: its envelope, and its data."""
    return {"allOf": [ref("LogEvent"), {"properties": {"type": {"const": row.name}, "data": schemas.of(row.cls)}}]}


def _recorded_name(event_type: str) -> str:
    return f"Recorded{event_name(event_type)}"


def _frame_name(name: str) -> str:
    return f"{''.join(word.capitalize() for word in name.split('_'))}Frame"
