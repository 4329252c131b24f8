"""Read what the invariants are about: every commit, stream by stream, and every position, in order."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pymongo import ASCENDING

from domain.audit.stream_order import StoredCommit
from events.catalogue import UnknownEventError
from store.audit.stored_form import LENIENT
from store.commits.document import stored_commit, stream_and_first
from store.commits.unreadable import UNREADABLE, reason_of
from store.mongo.connection import Database, Document, raises_unavailable, reachable

_BATCH = 100  # reading one keeps the event loop busy for some milliseconds
_IN_ORDER = [("stream", ASCENDING), ("first", ASCENDING)]


class Position(NamedTuple):
    """A position of the log; `exists`: the commit that it names is stored; None: the entry has no such field."""

    number: int
    commit: str | None
    sealed_at: datetime | None
    exists: bool


@raises_unavailable
class InvariantScan:
    """Read commits with their positions in batches, and positions with what they name."""

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits", codec_options=LENIENT.with_options(tz_aware=True))
        self._log = database.get_collection("log", codec_options=LENIENT.with_options(tz_aware=True))

    async def size(self) -> int:
        """Estimate the number of commits and positions."""
        commits, positions = [await found.estimated_document_count() for found in (self._commits, self._log)]
        return int(commits + positions)

    async def commits(self) -> AsyncGenerator[list[StoredCommit], None]:
        """Read every commit in batches, stream by stream, each in its own order."""
        with reachable():
            found = self._commits.find({}, batch_size=_BATCH).sort(_IN_ORDER)
            async for batch in _batches(found):
                yield await self._stored(batch)

    async def stream(self, name: str) -> list[StoredCommit]:
        """Read the commits of one stream."""
        found = await self._commits.find({"stream": name}).sort("first", ASCENDING).to_list(None)
        return await self._stored(found)

    async def positions(self, head: int) -> AsyncGenerator[list[Position], None]:
        """Read the positions up to `head` in batches, each by a query of its own: a slow run keeps no cursor open."""
        last = 0
        while entries := await self._entries(last, head):
            named = [entry.get("commit") for entry in entries]
            stored = await self._commits.find({"_id": {"$in": named}}, {"_id": 1}).to_list(None)
            exists = {document["_id"] for document in stored}
            yield [_position(entry, exists) for entry in entries]
            last = entries[-1]["_id"]

    async def _entries(self, after: int, head: int) -> Sequence[Document]:
        found = self._log.find({"_id": {"$gt": after, "$lte": head}}, {"commit": 1, "sealed_at": 1})
        entries: list[Document] = await found.sort("_id", ASCENDING).limit(_BATCH).to_list(_BATCH)
        return entries

    async def _stored(self, documents: Sequence[Document]) -> list[StoredCommit]:
        ids = [document["_id"] for document in documents]
        entries = await self._log.find({"commit": {"$in": ids}}, {"commit": 1}).to_list(None)
        positions = {entry["commit"]: entry["_id"] for entry in entries}
        return [_stored_commit(one, positions.get(one["_id"])) for one in documents]


def _position(entry: Document, exists: Collection[str]) -> Position:
    commit, sealed_at = entry.get("commit"), entry.get("sealed_at")
    return Position(
        entry["_id"],
        commit if isinstance(commit, str) else None,
        sealed_at if isinstance(sealed_at, datetime) else None,
        commit in exists,
    )


async def _batches(cursor: Any) -> AsyncIterator[list[Document]]:
    """Collect what a cursor yields, so that the documents of a batch can share a look-up."""
    while batch := await cursor.to_list(_BATCH):
        yield batch


def _stored_commit(document: Document, position: int | None) -> StoredCommit:
    _, first = stream_and_first(document)
    waiting = "unsealed" in document
    try:
        events = stored_commit(document).events
    except UNREADABLE as error:
        newer = isinstance(error, UnknownEventError)
        fault = f"{'newer code wrote it: ' if newer else ''}{reason_of(error)}"
        return StoredCommit(str(document["_id"]), first, (), position, waiting, fault)
    return StoredCommit(document["_id"], first, events, position, waiting)
