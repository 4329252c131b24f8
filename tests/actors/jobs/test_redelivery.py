"""Which events of a generation that does not move are redelivered."""

import pytest

from actors.jobs.redelivery import to_redeliver
from domain.generation.generation import stream_of
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.invocation import DuplicateFound, GenerationProgressed, GenerationStarted
from events.owner import CancelRequested
from tests.builders.generation import ID, MODEL, START, TO_SETTLED, failed

DUPLICATE = DuplicateFound(attempt=1, prediction="another", predict_seconds=None)


def recorded(*events: Event) -> list[RecordedEvent]:
    return [
        RecordedEvent(stream_of(ID), version, START, event, Cause(actor="test"))
        for version, event in enumerate(events, start=1)
    ]


def redelivered(*events: Event) -> list[str]:
    return [event.type for event in to_redeliver(recorded(*events))]


def test_the_event_that_led_to_the_state_is_redelivered() -> None:
    assert redelivered(*TO_SETTLED) == ["generation.prediction_settled"]


@pytest.mark.parametrize("aside", [CancelRequested(), DUPLICATE])
def test_a_cancel_request_or_duplicate_does_not_hide_the_event_that_led_to_the_state(aside: Event) -> None:
    assert redelivered(*TO_SETTLED, aside) == ["generation.prediction_settled", aside.type]


def test_a_cancel_request_is_redelivered_whatever_follows_it() -> None:
    started = GenerationStarted(attempt=1, prediction="p1", model=MODEL)
    events = redelivered(CancelRequested(), started, GenerationProgressed(percent=10), DUPLICATE)
    assert events == ["generation.started", "generation.cancel_requested", "generation.duplicate_found"]


def test_a_late_settlement_does_not_hide_that_the_generation_failed() -> None:
    *started, settled = TO_SETTLED
    overdue = failed("finish_deadline", "deadline", retryable=True)
    assert redelivered(*started, overdue, settled) == ["generation.failed"]
