"""Which events of a generation that rests are handed to the handlers again."""

import pytest

from actors.jobs.redelivery import to_drive
from domain.generation.generation import stream_of
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.generation import CancelRequested, DuplicateFound, GenerationProgressed, GenerationStarted
from tests.builders.generation import ID, MODEL, START, TO_SETTLED, failed

DUPLICATE = DuplicateFound(attempt=1, prediction="another", predict_seconds=None)


def recorded(*events: Event) -> list[RecordedEvent]:
    return [
        RecordedEvent(stream_of(ID), version, START, event, Cause(actor="test"))
        for version, event in enumerate(events, start=1)
    ]


def driven(*events: Event) -> list[str]:
    return [event.type for event in to_drive(recorded(*events))]


def test_what_made_the_state_is_driven_again() -> None:
    assert driven(*TO_SETTLED) == ["generation.prediction_settled"]


@pytest.mark.parametrize("aside", [CancelRequested(), DUPLICATE])
def test_a_wish_or_a_duplicate_does_not_hide_what_made_the_state(aside: Event) -> None:
    assert driven(*TO_SETTLED, aside) == ["generation.prediction_settled", aside.type]


def test_a_wish_is_repeated_whatever_came_after_it() -> None:
    started = GenerationStarted(attempt=1, prediction="p1", model=MODEL)
    events = driven(CancelRequested(), started, GenerationProgressed(percent=10), DUPLICATE)
    assert events == ["generation.started", "generation.cancel_requested", "generation.duplicate_found"]


def test_the_late_end_of_a_prediction_does_not_hide_that_its_generation_failed() -> None:
    *started, settled = TO_SETTLED
    overdue = failed("finish_deadline", "deadline", retryable=True)
    assert driven(*started, overdue, settled) == ["generation.failed"]
