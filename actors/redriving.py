"""What has not moved is driven again from its last event, by the handlers themselves.

Not by a new message: a lost queue, or a broker that is down for good, then costs time and nothing else.
"""

import asyncio

import structlog

from actors.desk import Desk
from actors.rounds import due_rows
from actors.subscriptions import Subscription, movers_of
from domain.generation import State, fold, stream_of
from domain.lifecycle import due_at
from events.envelope import RecordedEvent
from store.projection import Row, rows_of

_AT_ONCE = 8

# Claims are reconciled and running predictions polled; only a wish to cancel them is repeated here.
_ELSEWHERE = frozenset({State.INTENDED, State.STARTED})
_OURS = frozenset(State) - _ELSEWHERE

log = structlog.get_logger()


async def redrive(desk: Desk) -> int:
    """Drive every generation whose time has come; return how many."""
    due = [
        *await due_rows(desk, "redriving", _OURS),
        *await due_rows(desk, "canceling", _ELSEWHERE, canceling=True),
    ]
    ready = [row for row in due if desk.tries.may((row.id, row.version), desk.hands.clock())]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def drive(row: Row) -> None:
        async with gate:
            await _drive(row, desk)

    await asyncio.gather(*(drive(row) for row in ready))
    return len(ready)


async def _drive(row: Row, desk: Desk) -> None:
    events = [event for commit in await desk.events.read(stream_of(row.id)) for event in commit.events]
    generation = fold(events)
    if generation is None:
        return
    due = due_at(generation, desk.hands.patience)
    if due is None or due > desk.hands.clock():
        rows = await rows_of([generation], desk.hands.words, desk.hands.patience)
        await desk.hands.projection.write(rows)
        return
    last = next((event for event in reversed(events) if movers_of(event.type)), None)
    if last is not None:
        log.info("driven again", generation_id=row.id, event_id=last.id, state=row.state)
        await asyncio.gather(*(_handle(mover, last, desk) for mover in movers_of(last.type)))


async def _handle(mover: Subscription, event: RecordedEvent, desk: Desk) -> None:
    try:
        await mover.handle(event, hands=desk.hands)
    except Exception as error:  # noqa: BLE001 - the next round tries again; the others must not wait for it
        log.warning("driving failed", queue=mover.queue, event_id=event.id, error=repr(error))
