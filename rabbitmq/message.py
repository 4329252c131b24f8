"""A message is one recorded event: a CloudEvent in structured JSON; id, type and time are properties too."""

import json
from collections.abc import Iterable

import pika

from events.envelope import RecordedEvent, from_cloudevent, read_json

CONTENT_TYPE = "application/cloudevents+json"
MAX_BYTES = 1_000_000


class UnreadableMessageError(ValueError):
    """The body is not a known event; the text of the error does not contain it."""


def body_of(event: RecordedEvent) -> bytes:
    return json.dumps(event.to_cloudevent(), separators=(",", ":"), ensure_ascii=False).encode()


def properties_of(event: RecordedEvent, keys: Iterable[str] = ()) -> pika.BasicProperties:
    """Describe a message; `CC` holds further routing keys, which RabbitMQ adds to the event's type."""
    return pika.BasicProperties(
        content_type=CONTENT_TYPE,
        delivery_mode=2,
        message_id=event.id,
        type=event.type,
        timestamp=int(event.time.timestamp()),
        headers={"CC": [*keys]},
    )


def event_of(body: bytes) -> RecordedEvent:
    """Read a message; `UnreadableMessageError` for garbage, unknown types or versions, and over 1 MB."""
    if len(body) > MAX_BYTES:
        raise UnreadableMessageError(f"{len(body)} bytes are more than {MAX_BYTES}")
    try:
        return from_cloudevent(read_json(body))
    except ValueError as error:
        raise UnreadableMessageError(f"not a known event ({type(error).__name__})") from error
