from datetime import datetime, timedelta

import pytest
from hypothesis import given as example_of
from hypothesis import strategies as st

from domain.generation import Generation, State, evolve
from domain.timings import PHASES, Cost, cost_of, phases_of, total_ms
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.generation import GenerationProgressed, GenerationPublished, QuotaSettled
from tests.domain.given import (
    COMPLETED,
    ID,
    START,
    TO_COMPLETED,
    TO_FAILED,
    TO_SETTLED,
    TO_STARTED,
    TO_WAITING,
    failed,
    folded,
    intended,
    lost,
    settled,
    started,
)

ROAD: tuple[Event, ...] = (
    *TO_WAITING,
    intended(2),
    lost(2),
    intended(3),
    started(3),
    GenerationProgressed(percent=40),
    settled(3),
    COMPLETED,
    QuotaSettled(period="2026-11", outcome="spent"),
    GenerationPublished(is_public=True),
)
PAUSES = st.lists(st.integers(-50_000, 5_000_000), min_size=len(ROAD) - 1, max_size=len(ROAD) - 1)


def told(events: tuple[Event, ...], times: list[datetime]) -> Generation:
    generation: Generation | None = None
    for version, (event, time) in enumerate(zip(events, times, strict=True), start=1):
        recorded = RecordedEvent(f"generation-{ID}", version, time, event, Cause(actor="actor:test"))
        generation = evolve(generation, recorded)
    assert generation is not None
    return generation


def test_each_phase_is_as_long_as_its_states_lasted() -> None:
    moments = [0, 100, 150, 250, 1250, 3250, 3350, 4350, 4400, 9999, 14400, 15000, 16000, 17000]
    generation = told(ROAD, [START + timedelta(milliseconds=moment) for moment in moments])
    assert phases_of(generation) == {
        "validating": 100,
        "queued": 150,
        "invoking": 1000 + 100 + 50,
        "waiting": 2000 + 1000,
        "running": 10_000,
        "completing": 600,
    }


@example_of(PAUSES)
def test_phases_add_up_exactly_to_the_whole_whatever_the_clocks_say(pauses: list[int]) -> None:
    times = [START]
    for pause in pauses:
        times.append(times[-1] + timedelta(microseconds=pause))
    generation = told(ROAD, times)
    phases = phases_of(generation)
    assert sum(phases.values()) == total_ms(generation)
    assert min(phases.values()) >= 0


@example_of(st.lists(st.integers(0, 5_000_000), min_size=len(ROAD) - 1, max_size=len(ROAD) - 1))
def test_the_whole_is_the_time_from_the_request_to_the_end(pauses: list[int]) -> None:
    times = [START]
    for pause in pauses:
        times.append(times[-1] + timedelta(microseconds=pause))
    generation = told(ROAD, times)
    assert generation.finished_at is not None
    assert total_ms(generation) == (generation.finished_at - START) // timedelta(milliseconds=1)


def test_what_happens_after_the_end_takes_no_time() -> None:
    after = (*TO_COMPLETED, GenerationPublished(is_public=True))
    assert phases_of(folded(after)) == phases_of(folded(TO_COMPLETED))


def test_every_state_that_is_not_final_belongs_to_a_phase() -> None:
    assert PHASES.keys() == set(State) - {State.COMPLETED, State.FAILED}


@pytest.mark.parametrize(
    ("events", "cost"),
    [
        (TO_COMPLETED, Cost(3.5, 0.004)),
        (TO_FAILED, Cost(0.0, 0.0)),
        (TO_STARTED, Cost(None, None)),
        (TO_SETTLED, Cost(3.5, None)),
        ((*TO_SETTLED, failed("output_unavailable", "completion", retryable=True)), Cost(3.5, None)),
    ],
    ids=["completed", "never called", "running", "fetching", "paid and failed"],
)
def test_the_cost_is_what_the_log_says(events: tuple[Event, ...], cost: Cost) -> None:
    assert cost_of(folded(events)) == cost
