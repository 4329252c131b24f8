"""Call the actors again for generations that have not moved, from the log rather than by new messages.

A lost queue, or a broker that is down for good, then costs time and nothing else.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

import structlog

from actors.jobs.backlog import Backlog
from actors.jobs.due_pages import DuePages
from actors.jobs.retry_times import RetryTimes
from actors.metrics import REDELIVERIES
from actors.providers.provider import Provider
from actors.runner import RunActor
from actors.subscriptions import redelivered_to
from domain.controls.controls import Controls
from domain.generation.fold import fold
from domain.generation.generation import State, stream_of
from domain.generation.lifecycle import READY, Timeouts, due_at, has_come
from events.envelope import RecordedEvent
from events.generation import GenerationFailed
from events.invocation import DuplicateFound, PredictionSettled
from events.owner import CancelRequested
from metrics.metrics import NO_METRICS, Metrics
from store.commits.contract import EventStore
from store.controls.current import CurrentControls
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection, Row, rows_of

_AT_ONCE = 8
_MOST = 100

# Claims are reconciled and running predictions polled; here only their cancellation is repeated.
_RUNNING = frozenset({State.INTENDED, State.STARTED})
_RESTING = frozenset(State) - _RUNNING
_ASIDE = (CancelRequested, DuplicateFound)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivery:
    """Deliver the last events of a generation to its actors again, a few at a time for each queue.

    The limits are separate, so that a provider that hangs delays no actor that needs none.
    """

    events: EventStore
    projection: Projection
    personal_data: PersonalDataStore
    run_actor: RunActor
    timeouts: Timeouts
    clock: Callable[[], datetime]
    metrics: Metrics = NO_METRICS
    _limits: defaultdict[str, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(_AT_ONCE)), init=False
    )

    async def deliver(self, row: Row) -> None:
        """Deliver again what is due; log what fails, such as a damaged stream, and leave it to a later run."""
        try:
            await self._deliver(row)
        except Exception as error:  # noqa: BLE001 - no generation's fault may delay the others
            log.warning("redelivery_failed", generation_id=row.id, error=error)

    async def _deliver(self, row: Row) -> None:
        """Deliver again what is due; correct a row that is behind its stream."""
        events = [event for commit in await self.events.read(stream_of(row.id)) for event in commit.events]
        generation = fold(events)
        if generation is None:
            return
        due = due_at(generation, self.timeouts)
        if due is None or not has_come(due, self.clock()):
            await self.projection.write(await rows_of([generation], self.personal_data, self.timeouts))
            return
        for event in to_redeliver(events):
            self.metrics.count(REDELIVERIES, row.state)
            log.info("event_redelivered", generation_id=row.id, event_id=event.id, state=row.state)
            await asyncio.gather(*(self._run(queue, event) for queue in redelivered_to(event.type)))

    async def _run(self, queue: str, event: RecordedEvent) -> None:
        try:
            async with self._limits[queue]:
                await self.run_actor(queue, event)
        except Exception as error:  # noqa: BLE001 - the broker logs its trace; the next run tries again
            log.warning("redelivery_failed", queue=queue, event_id=event.id, error=error)


async def redeliver(
    *,
    due_pages: DuePages,
    backlog: Backlog,
    redelivery_times: RetryTimes,
    redelivery: Redelivery,
    current_controls: CurrentControls,
    provider: Provider,
    monotonic: Callable[[], float],
) -> int:
    """Redeliver the events of generations that are due and that no queue holds; return how many generations.

    What an operator holds back is not tried, so that it goes on at once when that ends.
    """
    resting, canceling = await asyncio.gather(  # together: both ask whether anything is due at all
        due_pages.next("redelivery", _RESTING, limits=backlog.limits),
        due_pages.next("cancellation", _RUNNING, canceling=True),
    )
    if resting:
        controls = await current_controls.get()
        resting = [row for row in resting if not _is_held(row, controls, provider.name)]
    if resting or backlog.limits:
        await backlog.look()
    due = [*backlog.choose(resting), *canceling]
    ready = list(islice((row for row in due if redelivery_times.take((row.id, row.version), monotonic())), _MOST))
    await asyncio.gather(*map(redelivery.deliver, ready))
    return len(ready)


def _is_held(row: Row, controls: Controls, provider: str) -> bool:
    return row.state in READY and controls.held_by(provider, row.developer, row.project) is not None


def to_redeliver(events: Sequence[RecordedEvent]) -> Sequence[RecordedEvent]:
    """Choose the event that led to the state, and every cancel request and duplicate.

    Cancel requests and duplicates change no state: they must not hide the event that did.
    """
    aside = [recorded for recorded in events if isinstance(recorded.event, _ASIDE)]
    ignored = (*aside, *_late_settlements(events))
    moved = [recorded for recorded in events if recorded not in ignored and redelivered_to(recorded.type)]
    return [*moved[-1:], *aside]


def _late_settlements(events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """List the settlements that only record the cost of a prediction that outlived its generation."""
    types = [type(recorded.event) for recorded in events]
    end = types.index(GenerationFailed) if GenerationFailed in types else len(types)
    return [recorded for recorded in events[end:] if isinstance(recorded.event, PredictionSettled)]
