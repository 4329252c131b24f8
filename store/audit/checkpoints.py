from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

import bson
from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from domain.audit.checkpoints import ContradictionError
from domain.audit.merkle import Frontier, Range
from store.log.mongo_sealed_log import last_position
from store.mongo.connection import Database, Document, raises_unavailable, reachable

_LEAF_BYTES = 32


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A signed note, and the frontier of the tree from which the next checkpoint continues."""

    size: int
    root: bytes
    frontier: Frontier
    note: str
    time: datetime


@raises_unavailable
class Checkpoints:
    """Checkpoints in collection `checkpoints`, one for each size; none is ever replaced."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._checkpoints = database.get_collection("checkpoints")
        self._log = database.get_collection("log")

    async def latest(self) -> StoredCheckpoint | None:
        """Read the checkpoint of the largest size."""
        document = await self._checkpoints.find_one({}, sort=[("_id", DESCENDING)])
        return _stored(document) if document else None

    async def at(self, size: int) -> StoredCheckpoint | None:
        """Read the checkpoint of one size."""
        document = await self._checkpoints.find_one({"_id": size})
        return _stored(document) if document else None

    async def all(self) -> AsyncGenerator[StoredCheckpoint, None]:
        """Read every checkpoint, the smallest first."""
        with reachable():
            async for document in self._checkpoints.find({}).sort("_id", ASCENDING):
                yield _stored(document)

    async def record(self, checkpoint: StoredCheckpoint) -> StoredCheckpoint:
        """Store a checkpoint and return it, or the equal one that another process stored first.

        Raises ContradictionError when the stored checkpoint of this size has another root.
        """
        try:
            await self._checkpoints.insert_one(_document(checkpoint))
        except DuplicateKeyError:
            earlier = await self.at(checkpoint.size)
            if earlier is None or earlier.root != checkpoint.root:
                raise ContradictionError(f"size {checkpoint.size}: the log has another root than was signed") from None
            return earlier
        return checkpoint

    async def head(self) -> int:
        """Read the last position of the log; 0 when it is empty."""
        return await last_position(self._database)

    async def position_of(self, commit_id: str) -> int | None:
        """Read the position of a commit; None while it has none."""
        entry = await self._log.find_one({"commit": commit_id}, {"_id": 1})
        return entry["_id"] if entry else None

    async def grown(self, frontier: Frontier, size: int) -> Frontier:
        """Extend a tree to `size` leaves; raises ContradictionError for a gap in the log."""
        return await self._extended(frontier, frontier.size, size)

    async def proof(self, path: list[Range]) -> list[bytes]:
        """Hash the subtrees that make up a proof."""
        return [(await self._extended(Frontier(), first, last)).root() for first, last in path]

    async def _extended(self, frontier: Frontier, position: int, last: int) -> Frontier:
        """Append the leaves behind a position to a tree, up to that of `last`."""
        within = {"_id": {"$gt": position, "$lte": last}}
        async for batch in self._log.find_raw_batches(within, {"leaf": 1}).sort("_id", ASCENDING):
            entries = bson.decode_all(batch)
            if entries[-1]["_id"] != position + len(entries):
                raise ContradictionError(f"position {position + 1} or one soon after it is missing")
            frontier = frontier.extended([_leaf(entry) for entry in entries])
            position += len(entries)
        if position != last:
            raise ContradictionError(f"position {position + 1} is missing")
        return frontier


def _leaf(entry: Document) -> bytes:
    leaf = entry.get("leaf")
    if not isinstance(leaf, bytes) or len(leaf) != _LEAF_BYTES:
        raise ContradictionError(f"position {entry['_id']} has no leaf")
    return leaf


def _document(checkpoint: StoredCheckpoint) -> Document:
    return {
        "_id": checkpoint.size,
        "root": checkpoint.root,
        "frontier": list(checkpoint.frontier.hashes),
        "note": checkpoint.note,
        "time": checkpoint.time,
    }


def _stored(document: Document) -> StoredCheckpoint:
    """Read a checkpoint; raises ContradictionError when its frontier does not lead to its root."""
    size = document["_id"]
    try:
        frontier = Frontier(size, tuple(document["frontier"]))
        stored = StoredCheckpoint(size, document["root"], frontier, document["note"], document["time"])
        leads = frontier.root() == stored.root
    except (LookupError, TypeError, ValueError) as error:
        raise ContradictionError(f"checkpoint {size} is damaged ({error!r})") from None
    if not leads:
        raise ContradictionError(f"checkpoint {size}: its frontier does not lead to its root")
    return stored
