"""Cancellation, erasure and delivery get a message only when they have something to do."""

import pytest

from domain.generation.reactions import idle_actors
from events.event import Event
from events.generation import GenerationRequested
from events.invocation import DuplicateFound
from events.owner import CancelRequested, GenerationErased
from tests.builders.generation import (
    CANCELED,
    COMPLETED,
    TO_INTENDED,
    TO_REQUESTED,
    TO_SETTLED,
    TO_STARTED,
    failed,
    folded,
    recorded,
    requested,
    started,
)

CANCEL, ERASE = "cancellation", "erasure"
DUPLICATE = DuplicateFound(attempt=1, prediction="p2", predict_seconds=None)
DEADLINE = failed("finish_deadline", "deadline")


@pytest.mark.parametrize(
    ("events", "busy"),
    [
        (TO_STARTED, set[str]()),
        ((*TO_INTENDED, CANCELED), set[str]()),
        ((*TO_INTENDED, CANCELED, started()), {CANCEL}),
        ((*TO_STARTED, CANCELED), {CANCEL}),
        ((*TO_STARTED, DEADLINE), {CANCEL}),
        ((*TO_REQUESTED, DEADLINE), set[str]()),
        ((*TO_STARTED, DUPLICATE), {CANCEL}),
        ((*TO_SETTLED, COMPLETED), set[str]()),
        ((*TO_STARTED, CancelRequested(erase=True), DEADLINE), {CANCEL, ERASE}),
        ((*TO_REQUESTED, CancelRequested(erase=True), DEADLINE), {ERASE}),
        ((*TO_SETTLED, COMPLETED, GenerationErased()), {ERASE}),
    ],
)
def test_only_busy_actors_get_a_message(events: tuple[Event, ...], busy: set[str]) -> None:
    assert isinstance(events[0], GenerationRequested)
    assert {CANCEL, ERASE} - idle_actors(folded(events), recorded(events)[-1:]) == busy


@pytest.mark.parametrize(
    ("webhook_events", "has_endpoints", "idle"), [((), True, False), (("completed",), False, False), ((), False, True)]
)
def test_webhooks_get_a_message_where_the_request_or_the_project_may_have_a_receiver(
    webhook_events: tuple[str, ...], has_endpoints: bool, idle: bool
) -> None:
    events = [requested(webhook_events=webhook_events)]
    assert ("delivery" in idle_actors(folded(events), recorded(events), has_endpoints=has_endpoints)) == idle
