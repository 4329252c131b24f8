"""Messages of RabbitMQ: bodies that are nearly recorded events."""

import json
from typing import Final

from rabbitmq.message import UnreadableMessageError, body_of, event_of
from tests.builders.generation import ONE_OF_EACH, recorded
from tests.fuzz.mutation import spoilt_bytes, spoilt_json
from tests.fuzz.service import Service
from tests.fuzz.target import Target, every

_EVENTS: Final = recorded(ONE_OF_EACH)
_TOKENS: Final = (b"NaN", b"Infinity", b"[" * 5000, b'"version":', b"\\ud800", b"\xff", b"null", b"1e999", b":99", b"\0")
_BODIES: Final = spoilt_bytes([body_of(event) for event in _EVENTS], _TOKENS) | spoilt_json(
    [event.to_cloudevent() for event in _EVENTS]
).map(lambda value: json.dumps(value).encode())


def check(service: Service, body: bytes) -> None:
    try:
        event = event_of(body)
    except UnreadableMessageError as refused:
        assert len(str(refused)) < 100
        return
    assert event_of(body_of(event)) == event
    assert isinstance(event.stream, str)
    assert event.version >= 1


MESSAGES: Final = Target("messages", 5, every(_BODIES, check))
