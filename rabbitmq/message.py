"""A message is one recorded event: a CloudEvent in structured JSON; id, type and time are properties too."""

import json
from collections.abc import Iterable

import pika

from events.commit import Commit
from events.envelope import RecordedEvent, from_cloudevent, read_json

CONTENT_TYPE = "application/cloudevents+json"
MAX_BYTES = 1_000_000
TRACEPARENT = "traceparent"


class UnreadableMessageError(ValueError):
    """The body is not a known event; the text of the error does not contain it."""

    holds_no_data = True


def body_of(event: RecordedEvent, commit: Commit | None = None) -> bytes:
    """Write an event; where its commit holds no other one, the event stands in the body of the commit as it is."""
    if commit is not None and len(commit.events) == 1:
        return commit.body[1:-1]
    return json.dumps(event.to_cloudevent(), separators=(",", ":"), ensure_ascii=False).encode()


def properties_of(
    event: RecordedEvent, keys: Iterable[str] = (), *, traceparent: str | None = None
) -> pika.BasicProperties:
    """Describe a message; `CC` holds further routing keys, which RabbitMQ adds to the event's type.

    traceparent: the span that sends it, where anything is traced.
    """
    return pika.BasicProperties(
        content_type=CONTENT_TYPE,
        delivery_mode=2,
        message_id=event.id,
        type=event.type,
        timestamp=int(event.time.timestamp()),
        headers={"CC": [*keys]} | ({} if traceparent is None else {TRACEPARENT: traceparent}),
    )


def traceparent_of(properties: pika.BasicProperties) -> str | None:
    """Return the span that sent a message, if it was traced; what is no traceparent is for the tracer to ignore."""
    found = (properties.headers or {}).get(TRACEPARENT)
    return found if isinstance(found, str) else None


def event_of(body: bytes) -> RecordedEvent:
    """Read a message; `UnreadableMessageError` for garbage, unknown types or versions, and over 1 MB."""
    if len(body) > MAX_BYTES:
        raise UnreadableMessageError(f"{len(body)} bytes are more than {MAX_BYTES}")
    try:
        return from_cloudevent(read_json(body))
    except ValueError as error:
        raise UnreadableMessageError(f"not a known event ({type(error).__name__})") from error
