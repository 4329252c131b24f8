"""Which generations are redelivered, and with which of their events."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from actors.jobs.backlog import LONGEST, Backlog
from actors.jobs.due_pages import DuePages
from actors.jobs.redelivery import redeliver, to_redeliver
from actors.jobs.retry_times import RetryTimes
from domain.controls.controls import Target
from domain.generation.fold import fold
from domain.generation.generation import stream_of
from domain.generation.lifecycle import Timeouts
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.invocation import DuplicateFound, GenerationProgressed, GenerationStarted
from events.owner import CancelRequested
from store.backoff import Backoff
from store.generations.memory_projection import MemoryProjection
from store.generations.projection import Row, row_of
from tests.builders.controls import FixedControls, control
from tests.builders.generation import ID, MODEL, START, TO_REQUESTED, TO_RESERVED, TO_SETTLED, failed

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


TIMEOUTS = Timeouts(redelivery=timedelta(seconds=5))


@dataclass
class Simulation:
    """Submissions whose messages wait in a queue for one slow worker; a tick is a second."""

    now: datetime = START
    queue: deque[str] = field(default_factory=deque)
    handling: list[str] = field(default_factory=list)
    redelivered: dict[str, float] = field(default_factory=dict)
    projection: MemoryProjection = field(default_factory=MemoryProjection)
    controls: FixedControls = field(default_factory=FixedControls)
    name: str = "replicate"

    def __post_init__(self) -> None:
        self.pages = DuePages(self.projection, lambda: self.now, self.monotonic)
        self.times = RetryTimes(Backoff(first=5, longest=300))
        self.backlog = Backlog(publisher=self, projection=self.projection, timeouts=TIMEOUTS, clock=lambda: self.now)

    def monotonic(self) -> float:
        return self.now.timestamp()

    async def waiting(self) -> dict[str, int]:
        return {"validation": len(self.queue)}

    async def deliver(self, row: Row) -> None:
        self.redelivered.setdefault(row.id, (self.now - START).total_seconds())

    async def submit(self, *names: str, lost: bool = False, events: Sequence[Event] = TO_REQUESTED) -> None:
        generation = fold(recorded(*events))
        assert generation is not None
        row = row_of(generation, TIMEOUTS, {})
        await self.projection.write([replace(row, id=name, due_at=self.now + TIMEOUTS.redelivery) for name in names])
        self.queue += [] if lost else names

    async def tick(self, handled: int) -> None:
        """Let the worker take as many messages as it finishes in a second, and run the job."""
        self.now += timedelta(seconds=1)
        for name in self.handling:
            await self.projection.write([await self.moved(name)])
        self.handling = [self.queue.popleft() for _ in range(min(handled, len(self.queue)))]
        await redeliver(
            due_pages=self.pages,
            backlog=self.backlog,
            redelivery_times=self.times,
            redelivery=self,  # type: ignore[arg-type]
            current_controls=self.controls,  # type: ignore[arg-type]
            provider=self,  # type: ignore[arg-type]
            monotonic=self.monotonic,
        )

    async def moved(self, name: str) -> Row:
        [row] = [row for row in self.projection._rows.values() if row.id == name]
        return replace(row, version=row.version + 1, state="intended", due_at=None)


async def test_generations_that_merely_wait_in_a_queue_are_not_redelivered() -> None:
    simulation = Simulation()
    for second in range(60):
        await simulation.submit(*(f"{second}-{number}" for number in range(20)))
        await simulation.tick(handled=10)
    assert len(simulation.queue) == 600, "twice the load that the worker can take"
    assert simulation.redelivered == {}
    for _ in range(60):
        await simulation.tick(handled=10)
    assert simulation.redelivered == {}


async def test_a_lost_message_is_found_under_constant_load_when_the_queue_has_passed_it() -> None:
    simulation = Simulation()
    await simulation.submit(*(f"before-{number}" for number in range(100)))
    await simulation.submit("lost", lost=True)
    for second in range(40):
        await simulation.submit(*(f"{second}-{number}" for number in range(10)))
        await simulation.tick(handled=10)
    assert list(simulation.redelivered) == ["lost"]
    assert simulation.redelivered["lost"] <= 10 + 5 + 3  # the queue's ten seconds, the timeout, the job's period


async def test_a_lost_message_is_found_after_five_seconds_when_nothing_waits() -> None:
    simulation = Simulation()
    await simulation.submit("lost", lost=True)
    for _ in range(6):
        await simulation.tick(handled=10)
    assert simulation.redelivered == {"lost": 5}


async def test_what_an_operator_holds_back_is_tried_as_soon_as_it_may_go_on() -> None:
    simulation = Simulation()
    simulation.controls.set(control(Target("project", "prj-1")))
    await simulation.submit("held", lost=True, events=TO_RESERVED)
    for _ in range(600):
        await simulation.tick(handled=10)
    assert simulation.redelivered == {}
    simulation.controls.set()
    await simulation.tick(handled=10)
    assert simulation.redelivered == {"held": 601}


@pytest.mark.parametrize("waiting", [0, 1000])
async def test_a_message_is_found_although_the_clock_of_its_writer_was_an_hour_ahead(waiting: int) -> None:
    simulation = Simulation()
    simulation.now += timedelta(hours=1)
    await simulation.submit("lost", lost=True)
    simulation.now -= timedelta(hours=1)
    simulation.queue.extend(["stale"] * waiting)
    for _ in range(20):
        await simulation.tick(handled=0)
    assert simulation.redelivered.keys() == {"lost"}


async def test_a_generation_is_redelivered_in_the_end_whatever_a_queue_holds() -> None:
    simulation = Simulation()
    await simulation.submit("lost", lost=True)
    simulation.queue.extend(["stale"] * 1000)
    for _ in range(int(LONGEST.total_seconds()) + 10):
        await simulation.tick(handled=0)
    assert simulation.redelivered.keys() == {"lost"}
    assert simulation.redelivered["lost"] <= LONGEST.total_seconds() + 6


async def test_a_wiped_queue_is_noticed_at_once() -> None:
    simulation = Simulation()
    await simulation.submit(*(f"g{number}" for number in range(50)))
    for _ in range(10):
        await simulation.tick(handled=1)
    assert simulation.redelivered == {}
    simulation.queue.clear()
    await simulation.tick(handled=1)
    await simulation.tick(handled=1)
    assert len(simulation.redelivered) >= 38
