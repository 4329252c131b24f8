from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Final

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from domain.audit.checkpoints import ContradictionError
from domain.audit.merkle import Frontier, Range
from store.audit.leaves import Leaves
from store.audit.stored_form import LENIENT, decoded, has_form
from store.mongo.connection import Database, Document, raises_unavailable, reachable

LEVELS: Final = (8, 16, 24)
"""The levels whose nodes are stored: subtrees of 256 leaves, of 256 of these, and so on."""

_NUMBERS: Final = 2**48
_FORM: Final = {"_id": int, "root": bytes}


@raises_unavailable
class MerkleNodes:
    """Roots of perfect subtrees in collection `merkle_nodes`: with them a proof reads at most 255 nodes a level.

    `_id` is the level times 2**48 and the number of the subtree, from 0. They are derived from the leaves, and a
    missing one is computed from the level below.
    """

    def __init__(self, database: Database, *, levels: Sequence[int] = LEVELS) -> None:
        self._nodes = database.get_collection("merkle_nodes", codec_options=LENIENT)
        self._leaves = Leaves(database)
        self.levels = levels

    async def proof(self, path: Sequence[Range]) -> list[bytes]:
        """Hash the subtrees that make up a proof."""
        return [await self.root(first, last) for first, last in path]

    async def root(self, first: int, last: int) -> bytes:
        """Hash the leaves from one up to, not including, another, which form a subtree of the whole tree."""
        return (await self._hashed(first, last, len(self.levels))).root()

    async def complete(self, size: int) -> None:
        """Store the nodes of a tree of `size` leaves that are not stored yet; repeatable."""
        for depth, level in enumerate(self.levels):
            for number in range(await self._count(level), size >> level):
                root = (await self._hashed(number << level, (number + 1) << level, depth)).root()
                with suppress(DuplicateKeyError):
                    await self._nodes.insert_one({"_id": level * _NUMBERS + number, "root": root})

    async def all(self, level: int) -> AsyncGenerator[tuple[int, bytes], None]:
        """Read the number and the root of every node of a level, in order."""
        with reachable():
            found = self._nodes.find_raw_batches(_within(level, 0, _NUMBERS)).sort("_id", ASCENDING)
            async for batch in found:
                for document in decoded(batch):
                    yield _node(level, document)

    async def require_no_others(self) -> None:
        """Raise ContradictionError for a document that belongs to no level."""
        other = await self._nodes.find_one({"$nor": [_within(level, 0, _NUMBERS) for level in self.levels]}, {"_id": 1})
        if other is not None:
            raise ContradictionError(f"{other['_id']} is the id of no Merkle node")

    async def _count(self, level: int) -> int:
        last = await self._nodes.find_one(_within(level, 0, _NUMBERS), {"_id": 1}, sort=[("_id", DESCENDING)])
        return 0 if last is None else last["_id"] - level * _NUMBERS + 1

    async def _hashed(self, first: int, last: int, depth: int) -> Frontier:
        """Hash leaves by means of the nodes of the first `depth` levels, the highest first."""
        frontier = Frontier()
        for level in reversed(self.levels[:depth]):
            reached = first + frontier.size
            if reached % (1 << level) == 0:
                roots = await self._roots(level, reached >> level, last >> level)
                frontier = frontier.extended(roots, level)
        return await self._leaves.extend(frontier, first + frontier.size, last)

    async def _roots(self, level: int, first: int, last: int) -> list[bytes]:
        """Read the roots of a level from one number up to, not including, another, or to the first missing one."""
        if first >= last:
            return []
        found = await self._nodes.find(_within(level, first, last)).sort("_id", ASCENDING).to_list(None)
        nodes = [_node(level, document) for document in found]
        return [root for expected, (number, root) in enumerate(nodes, first) if number == expected]


def _within(level: int, first: int, last: int) -> Document:
    return {"_id": {"$gte": level * _NUMBERS + first, "$lt": level * _NUMBERS + last}}


def _node(level: int, document: Document) -> tuple[int, bytes]:
    if not has_form(document, _FORM):
        raise ContradictionError(f"a Merkle node of level {level} is damaged")
    return document["_id"] - level * _NUMBERS, document["root"]
