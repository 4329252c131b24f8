from datetime import datetime, timedelta
from typing import get_args

import pytest

from domain.generation.decisions import ALLOWED
from domain.generation.fold import IllegalTransitionError, check
from domain.generation.generation import State
from domain.generation.lifecycle import FINAL, RUNNING, Timeouts, due_at
from events.event import Event
from events.generation import GenerationEvent, GenerationProgressed, GenerationRequested, QuotaSettled
from tests.builders.generation import (
    CLAIM_UNTIL,
    ONE_OF_EACH,
    START,
    TO_COMPLETED,
    TO_FAILED,
    TO_INTENDED,
    TO_REQUESTED,
    TO_RESERVED,
    TO_SETTLED,
    TO_STARTED,
    TO_VALIDATED,
    TO_WAITING,
    folded,
    lost,
    refused,
)

ROADS: dict[State, tuple[Event, ...]] = {
    State.REQUESTED: TO_REQUESTED,
    State.VALIDATED: TO_VALIDATED,
    State.RESERVED: TO_RESERVED,
    State.INTENDED: TO_INTENDED,
    State.WAITING: TO_WAITING,
    State.STARTED: TO_STARTED,
    State.SETTLED: TO_SETTLED,
    State.COMPLETED: TO_COMPLETED,
    State.FAILED: TO_FAILED,
}
# Written out once more, by hand and the other way round: what may follow each state.
ANYTIME = {"duplicate_found"}
OPEN = {"failed", "cancel_requested"} | ANYTIME
OVER = {"quota_settled", "published", "erased"} | ANYTIME
MAY_FOLLOW = {
    State.REQUESTED: {"validated"} | OPEN,
    State.VALIDATED: {"quota_reserved"} | OPEN,
    State.RESERVED: {"invocation_intended"} | OPEN,
    State.INTENDED: {"started", "invocation_refused", "invocation_lost"} | OPEN,
    State.WAITING: {"invocation_intended", "started"} | OPEN,
    State.STARTED: {"progressed", "prediction_settled"} | OPEN,
    State.SETTLED: {"completed"} | OPEN,
    State.COMPLETED: OVER,
    State.FAILED: {"prediction_settled"} | OVER,
}


def test_every_event_has_its_row() -> None:
    assert set(ALLOWED) == set(get_args(GenerationEvent)) == {type(event) for event in ONE_OF_EACH}
    assert set(State) == FINAL | RUNNING


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: event.type)
@pytest.mark.parametrize("state", State)
def test_an_event_is_allowed_in_exactly_the_states_of_the_table(state: State, event: Event) -> None:
    generation = folded(ROADS[state])
    assert generation.state is state
    if event.type.removeprefix("generation.") in MAY_FOLLOW[state]:
        check(generation, event)
    else:
        with pytest.raises(IllegalTransitionError, match=event.type):
            check(generation, event)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: event.type)
def test_nothing_but_a_request_begins_a_stream(event: Event) -> None:
    if isinstance(event, GenerationRequested):
        check(None, event)
    else:
        with pytest.raises(IllegalTransitionError, match="after nothing"):
            check(None, event)


TIMEOUTS = Timeouts(redelivery=timedelta(seconds=7))


@pytest.mark.parametrize(
    ("events", "due"),
    [
        (TO_REQUESTED, START + timedelta(seconds=7)),
        (TO_VALIDATED, START + timedelta(seconds=8)),
        (TO_INTENDED, CLAIM_UNTIL),
        ((*TO_INTENDED, refused(retry_at=START + timedelta(minutes=3))), START + timedelta(minutes=3)),
        ((*TO_INTENDED, lost()), START + timedelta(seconds=4)),
        (TO_STARTED, START + timedelta(seconds=11)),
        ((*TO_STARTED, GenerationProgressed(percent=90)), START + timedelta(seconds=11)),
        (TO_COMPLETED, START + timedelta(seconds=13)),
        ((*TO_COMPLETED, QuotaSettled(period="2026-11", outcome="spent")), None),
        ((*TO_FAILED, QuotaSettled(period="2026-11", outcome="released")), None),
    ],
)
def test_a_generation_is_looked_at_again_when_its_state_says(
    events: tuple[Event, ...], due: datetime | None
) -> None:
    assert due_at(folded(events), TIMEOUTS) == due
