from datetime import datetime, timedelta

import pytest
from hypothesis import given as example_of
from hypothesis import strategies as st

from domain.generation.fold import evolve
from domain.generation.generation import Generation, State
from domain.generation.lifecycle import Timeouts
from domain.generation.timings import PHASES, Cost, cost_of, costs_of_phases, phases_of, total_ms
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.invocation import DuplicateFound, GenerationProgressed, PredictionSettled
from events.owner import GenerationPublished
from events.quota import QuotaSettled
from store.generations.projection import row_of
from tests.builders.generation import (
    CANCELED,
    COMPLETED,
    ID,
    START,
    TO_COMPLETED,
    TO_FAILED,
    TO_INTENDED,
    TO_SETTLED,
    TO_STARTED,
    TO_WAITING,
    failed,
    folded,
    intended,
    lost,
    refused,
    settled,
    started,
)

STREAM: tuple[Event, ...] = (
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


def settled_for(microusd: int) -> PredictionSettled:
    return settled().model_copy(update={"cost_microusd": microusd})


def found_twice(seconds: float | None, microusd: int | None) -> DuplicateFound:
    return DuplicateFound(attempt=1, prediction="p9", predict_seconds=seconds, cost_microusd=microusd)


PAID = (*TO_STARTED, settled_for(3_412))
OVERDUE = failed("finish_deadline", "deadline", retryable=True)
PAUSES = st.lists(st.integers(-50_000, 5_000_000), min_size=len(STREAM) - 1, max_size=len(STREAM) - 1)


def generation_of(events: tuple[Event, ...], times: list[datetime]) -> Generation:
    generation: Generation | None = None
    for version, (event, time) in enumerate(zip(events, times, strict=True), start=1):
        recorded = RecordedEvent(f"generation-{ID}", version, time, event, Cause(actor="actor:test"))
        generation = evolve(generation, recorded)
    assert generation is not None
    return generation


def test_a_phase_is_the_sum_of_its_states() -> None:
    moments = [0, 100, 150, 250, 1250, 3250, 3350, 4350, 4400, 9999, 14400, 15000, 16000, 17000]
    generation = generation_of(STREAM, [START + timedelta(milliseconds=moment) for moment in moments])
    assert phases_of(generation) == {
        "validating": 100,
        "queued": 150,
        "invoking": 1000 + 100 + 50,
        "waiting": 2000 + 1000,
        "running": 10_000,
        "completing": 600,
    }


@example_of(PAUSES)
def test_the_phases_add_up_to_the_total_for_any_clocks(pauses: list[int]) -> None:
    times = [START]
    for pause in pauses:
        times.append(times[-1] + timedelta(microseconds=pause))
    generation = generation_of(STREAM, times)
    phases = phases_of(generation)
    assert sum(phases.values()) == total_ms(generation)
    assert min(phases.values()) >= 0


@example_of(st.lists(st.integers(0, 5_000_000), min_size=len(STREAM) - 1, max_size=len(STREAM) - 1))
def test_the_total_is_the_time_from_the_request_to_the_end(pauses: list[int]) -> None:
    times = [START]
    for pause in pauses:
        times.append(times[-1] + timedelta(microseconds=pause))
    generation = generation_of(STREAM, times)
    assert generation.finished_at is not None
    assert total_ms(generation) == (generation.finished_at - START) // timedelta(milliseconds=1)


def test_events_after_the_end_take_no_time() -> None:
    after = (*TO_COMPLETED, GenerationPublished(is_public=True))
    assert phases_of(folded(after)) == phases_of(folded(TO_COMPLETED))


def test_a_row_contains_the_cost_of_all_predictions() -> None:
    events = (*PAID, found_twice(2.0, 1_950), OVERDUE)
    assert row_of(folded(events), Timeouts(), {}).cost_microusd == 5_362


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
        ((*PAID, failed("provider_failed", "completion", retryable=True)), Cost(3.5, 0.003412)),
        ((*TO_STARTED, CANCELED, settled_for(3_412), failed("canceled", "completion")), Cost(3.5, 0.003412)),
        ((*TO_STARTED, OVERDUE, settled_for(3_412)), Cost(3.5, 0.003412)),
        ((*TO_STARTED, OVERDUE), Cost(None, None)),
        ((*PAID, COMPLETED), Cost(3.5, 0.004)),
        ((*PAID, found_twice(None, None), found_twice(2.0, 1_950)), Cost(5.5, 0.005362)),
        ((*TO_INTENDED, OVERDUE), Cost(None, None)),
        ((*TO_INTENDED, OVERDUE, found_twice(2.0, 1_950)), Cost(2.0, 0.00195)),
        ((*TO_INTENDED, refused(retry_at=None), failed("provider_refused", "invocation")), Cost(0.0, 0.0)),
        ((*TO_INTENDED, lost(), failed("invocation_lost", "invocation")), Cost(0.0, 0.0)),
    ],
    ids=[
        "completed",
        "never called",
        "running",
        "fetching",
        "paid and failed before costs were recorded",
        "paid and failed",
        "canceled",
        "its prediction ended after it",
        "its prediction may still run",
        "completed at the price of that day",
        "with a duplicate that was recorded twice",
        "a call with unknown outcome",
        "a prediction found too late",
        "refused",
        "never created",
    ],
)
def test_the_cost_follows_from_the_events(events: tuple[Event, ...], cost: Cost) -> None:
    assert cost_of(folded(events)) == cost
    parts = costs_of_phases(folded(events))
    assert (parts is None) == (cost.usd is None)
    assert parts is None or sum(parts.values()) == pytest.approx(cost.usd)
