"""Messages of RabbitMQ: bodies that are nearly recorded events."""

import json
from typing import Final

from hypothesis import strategies as st

from actors.subscriptions import QUEUES
from rabbitmq.message import UnreadableMessageError, body_of, event_of
from tests.builders.generation import ONE_OF_EACH, recorded
from tests.fuzz.mutation import JSON_TOKENS, spoilt_bytes, spoilt_json
from tests.fuzz.service import Service
from tests.fuzz.target import Target, every

_EVENTS: Final = recorded(ONE_OF_EACH)
_BODIES: Final = spoilt_bytes([body_of(event) for event in _EVENTS], JSON_TOKENS) | spoilt_json(
    [event.to_cloudevent() for event in _EVENTS]
).map(lambda value: json.dumps(value).encode())


def check(service: Service, value: tuple[str, bytes]) -> None:
    queue, body = value
    service.publish(queue, body)
    try:
        event = event_of(body)
    except UnreadableMessageError:
        return
    assert event_of(body_of(event)) == event
    assert isinstance(event.stream, str)
    assert event.version >= 1


MESSAGES: Final = Target("messages", 5, every(st.tuples(st.sampled_from(sorted(QUEUES)), _BODIES), check))
