import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from domain.generation.generation import Generation, stream_of
from domain.generation.lifecycle import Timeouts
from store.commits.contract import EventStore
from store.commits.unreadable import OnUnreadable, UnreadableCommit, log_unreadable
from store.generations.folding import every_generation, load_generation
from store.generations.mongo_projection import MongoProjection
from store.generations.personal_data import PersonalDataStore
from store.generations.row_comparison import RowComparison

_BATCH = 500

AfterBatch = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """The number of generations in the log, of rows stored, and the ids whose row differed."""

    streams: int
    rows: int
    differing: tuple[str, ...]


async def rebuild(
    events: EventStore,
    personal_data: PersonalDataStore,
    projection: MongoProjection,
    timeouts: Timeouts,
    *,
    repair: bool = True,
    on_unreadable: OnUnreadable = log_unreadable,
    after_batch: AfterBatch | None = None,
) -> RebuildReport:
    """Fold every generation, compare its row with the stored one and, with `repair`, replace what differs.

    A stream that cannot be read is given to `on_unreadable` and keeps its row. Rows are replaced in place, each
    only while it is unchanged, so that the system may go on meanwhile. `store.rebuild` builds them aside instead.
    `after_batch` is told how many more generations were compared.
    """
    rows = await projection.count()
    comparison = RowComparison(personal_data, projection, timeouts)
    streams, differing, unreadable = 0, list[str](), set[str]()

    def skip(found: UnreadableCommit) -> None:
        unreadable.add(found.stream)
        on_unreadable(found)

    async for batch in _batches(events, skip):
        streams += len(batch)
        suspects = [wrong.row.id for wrong in await comparison.wrong(batch)]
        differing += await _repair(suspects, events, comparison, repair=repair)
        if after_batch is not None:
            await after_batch(len(batch))
    if await projection.count() > streams:
        differing += await _remove_without_stream(
            events, projection, unreadable, repair=repair, after_batch=after_batch
        )
    return RebuildReport(streams, rows, tuple(differing))


async def _repair(suspects: Sequence[str], events: EventStore, comparison: RowComparison, *, repair: bool) -> list[str]:
    """Compare again, the row read before the log, which cannot be behind it; replace what differs."""
    stored = await comparison.projection.stored(suspects)
    folded = await asyncio.gather(*(load_generation(events, key) for key in suspects))
    wrong = await comparison.wrong_of(list(filter(None, folded)), stored)
    if repair:
        await comparison.projection.replace([one.row for one in wrong], stored)
    return [one.row.id for one in wrong]


async def _remove_without_stream(
    events: EventStore,
    projection: MongoProjection,
    unreadable: Collection[str],
    *,
    repair: bool,
    after_batch: AfterBatch | None,
) -> list[str]:
    readable = [key async for key in projection.ids() if stream_of(key) not in unreadable]
    without_stream = list[str]()
    for key in readable:
        if not await events.read(stream_of(key)):
            without_stream.append(key)
        if after_batch is not None:
            await after_batch(0)
    if repair:
        await projection.remove(without_stream)
    return without_stream


async def _batches(events: EventStore, on_unreadable: OnUnreadable) -> AsyncIterator[list[Generation]]:
    batch: list[Generation] = []
    async for generation in every_generation(events, on_unreadable):
        batch.append(generation)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
