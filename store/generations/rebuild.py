"""Rebuild the rows from the log: what is live must be, byte for byte, what the fold says."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import bson

from domain.generation.generation import Generation, fold, stream_of
from domain.generation.lifecycle import Timeouts
from store.commits.contract import EventStore
from store.generations.folding import every_generation
from store.generations.mongo_projection import MongoProjection
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Row, rows_of
from store.mongo.connection import Document

_BATCH = 500


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """How many generations the log knows, how many rows stood there, whose row was not as the log says."""

    streams: int
    rows: int
    differing: tuple[str, ...]


async def rebuild(
    events: EventStore,
    personal_data: PersonalDataStore,
    live: MongoProjection,
    timeouts: Timeouts,
    *,
    repair: bool = True,
) -> RebuildReport:
    """Fold every generation, compare its row with the live one and, unless told otherwise, mend what differs.

    Rows are mended where they are, each only while nobody changed it, so that generations may go on:
    a collection built beside and renamed would lose what is projected during the building.
    """
    rows = await live.count()
    streams, differing = 0, list[str]()
    async for batch in _batches(events, personal_data, timeouts):
        streams += len(batch)
        stored = await live.stored([row.id for row in batch])
        suspects = [row.id for row in batch if not _same(row, stored.get(row.id))]
        differing += await _mend(suspects, events, personal_data, live, timeouts, repair=repair)
    if await live.count() > streams:
        differing += await _remove_strangers(events, live, repair=repair)
    return RebuildReport(streams, rows, tuple(differing))


async def _mend(
    suspects: Sequence[str],
    events: EventStore,
    personal_data: PersonalDataStore,
    live: MongoProjection,
    timeouts: Timeouts,
    *,
    repair: bool,
) -> list[str]:
    """Look again at rows that differed: the live row first, then the log, which cannot be behind it."""
    stored = await live.stored(suspects)
    folded = await asyncio.gather(*(_generation(events, key) for key in suspects))
    rows = await rows_of(list(filter(None, folded)), personal_data, timeouts)
    wrong = [row for row in rows if not _same(row, stored.get(row.id))]
    if repair:
        await live.replace(wrong, stored)
    return [row.id for row in wrong]


async def _remove_strangers(events: EventStore, live: MongoProjection, *, repair: bool) -> list[str]:
    strangers = [key async for key in live.ids() if not await events.read(stream_of(key))]
    if repair:
        await live.remove(strangers)
    return strangers


async def _generation(events: EventStore, generation_id: str) -> Generation | None:
    commits = await events.read(stream_of(generation_id))
    return fold(event for commit in commits for event in commit.events)


async def _batches(
    events: EventStore, personal_data: PersonalDataStore, timeouts: Timeouts
) -> AsyncIterator[list[Row]]:
    batch: list[Generation] = []
    async for generation in every_generation(events):
        batch.append(generation)
        if len(batch) == _BATCH:
            yield await rows_of(batch, personal_data, timeouts)
            batch = []
    if batch:
        yield await rows_of(batch, personal_data, timeouts)


def _same(row: Row, stored: Document | None) -> bool:
    return stored is not None and _bytes(row.as_document()) == _bytes(stored)


def _bytes(document: Document) -> bytes:
    """Write a document as BSON with its fields by name: MongoDB keeps them in an order of its own."""
    return bson.encode(dict(sorted(document.items())))
