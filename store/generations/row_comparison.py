from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import bson

from domain.generation.generation import Generation
from domain.generation.lifecycle import Timeouts
from store.generations.mongo_projection import MongoProjection
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Row, rows_of
from store.mongo.connection import Document


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A row as the log has it, and what is stored instead; None for no row."""

    row: Row
    stored: Document | None


@dataclass(frozen=True, slots=True)
class RowComparison:
    """Compare the stored rows of generations with those that their folds and their metadata lead to."""

    personal_data: PersonalDataStore
    projection: MongoProjection
    timeouts: Timeouts

    async def wrong(self, generations: Sequence[Generation]) -> list[WrongRow]:
        """List the rows that differ by a single byte; one may be newer than a generation that was folded before."""
        return await self.wrong_of(generations, await self.projection.stored([one.id for one in generations]))

    async def wrong_of(self, generations: Sequence[Generation], stored: Mapping[str, Document]) -> list[WrongRow]:
        """List the rows that differ among those that were read."""
        rows = await rows_of(generations, self.personal_data, self.timeouts)
        found = [WrongRow(row, stored.get(row.id)) for row in rows]
        return [one for one in found if not _same(one.row, one.stored)]


def _same(row: Row, stored: Document | None) -> bool:
    return stored is not None and _bytes(row.as_document()) == _bytes(stored)


def _bytes(document: Document) -> bytes:
    """Encode a document with its fields sorted: MongoDB does not keep their order."""
    return bson.encode(dict(sorted(document.items())))
