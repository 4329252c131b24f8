"""What has not moved is driven again from its last event, by the handlers themselves.

Not by a new message: a lost queue, or a broker that is down for good, then costs time and nothing else.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import structlog

from actors.hands import bound_ids
from actors.jobs.desk import Desk
from actors.jobs.paging import due_rows
from actors.subscriptions import Subscription, movers_of
from domain.generation.fold import fold
from domain.generation.generation import State, stream_of
from domain.generation.lifecycle import due_at
from events.envelope import RecordedEvent
from events.generation import CancelRequested, DuplicateFound, GenerationFailed, PredictionSettled
from store.generations.projection import Row, rows_of

_AT_ONCE = 8

# Claims are reconciled and running predictions polled; only a wish to cancel them is repeated here.
_ELSEWHERE = frozenset({State.INTENDED, State.STARTED})
_OURS = frozenset(State) - _ELSEWHERE
_ASIDE = (CancelRequested, DuplicateFound)

Gates = defaultdict[str, asyncio.Semaphore]

log = structlog.get_logger()


async def redrive(desk: Desk) -> int:
    """Drive every generation whose time has come; return how many."""
    due = [
        *await due_rows(desk, "redriving", _OURS),
        *await due_rows(desk, "canceling", _ELSEWHERE, canceling=True),
    ]
    ready = [row for row in due if desk.tries.may((row.id, row.version), desk.hands.clock())]
    # A gate for each queue: a provider that hangs must not hold up what needs none.
    gates: Gates = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))
    await asyncio.gather(*(_drive(row, gates, desk) for row in ready))
    return len(ready)


async def _drive(row: Row, gates: Gates, desk: Desk) -> None:
    events = [event for commit in await desk.events.read(stream_of(row.id)) for event in commit.events]
    generation = fold(events)
    if generation is None:
        return
    due = due_at(generation, desk.hands.timeouts)
    if due is None or due > desk.hands.clock():
        rows = await rows_of([generation], desk.hands.personal_data, desk.hands.timeouts)
        await desk.hands.projection.write(rows)
        return
    for event in to_drive(events):
        log.info("driven again", generation_id=row.id, event_id=event.id, state=row.state)
        movers = movers_of(event.type)
        await asyncio.gather(*(_handle(mover, event, gates[mover.queue], desk) for mover in movers))


def to_drive(events: Sequence[RecordedEvent]) -> Sequence[RecordedEvent]:
    """Choose the event that made the state, and beside it every wish and every duplicate.

    A wish to cancel and a duplicate move nothing themselves: they must not hide what does.
    """
    aside = [recorded for recorded in events if isinstance(recorded.event, _ASIDE)]
    late = _late(events)
    moved = [recorded for recorded in events if recorded not in (*aside, *late) and movers_of(recorded.type)]
    return [*moved[-1:], *aside]


def _late(events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """List what only tells the cost of a prediction that ended after its generation."""
    types = [type(recorded.event) for recorded in events]
    end = types.index(GenerationFailed) if GenerationFailed in types else len(types)
    return [recorded for recorded in events[end:] if isinstance(recorded.event, PredictionSettled)]


async def _handle(mover: Subscription, event: RecordedEvent, gate: asyncio.Semaphore, desk: Desk) -> None:
    try:
        async with gate:
            with bound_ids(mover.queue, event):
                await mover.handler(event, hands=desk.hands)
    except Exception as error:  # noqa: BLE001 - the next round tries again; the others must not wait for it
        log.warning("driving failed", queue=mover.queue, event_id=event.id, error=repr(error))
