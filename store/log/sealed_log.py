"""The sealed order: every commit gets one dense position, for ever.

The lease holder alone seals, but the fence is the two unique keys of collection `log`: a position and a
commit each stand once, so the insert of a holder that was replaced meanwhile fails.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import structlog
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from events.commit import Commit, leaf_hash
from events.generation import GenerationRequested
from store.commits.mongo import readable
from store.mongo.batcher import shared
from store.mongo.connection import Database, Document, Indexes, only_duplicates, reachable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A commit at its position."""

    position: int
    commit: Commit


class SealedLog:
    """Seal and read the order of all commits."""

    indexes: ClassVar[Indexes] = {
        "log": [
            IndexModel("commit", unique=True),
            *(
                IndexModel([*((name, ASCENDING) for name in owner), ("_id", ASCENDING)])
                for owner in (["project"], ["project", "user"])
            ),
        ]
    }

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")
        self._pages = shared(self._page)

    async def head(self) -> int:
        """Read the last position; 0 for an empty log."""
        with reachable():
            last = await self._log.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
        return last["_id"] if last else 0

    async def seal(self, *, limit: int = 500) -> int:
        """Give positions to commits that have none, each stream in its own order; return how many."""
        with reachable():
            waiting = await self._unsealed(limit)
            if not waiting:
                return 0
            placed = await self._positions([document["_id"] for document in waiting])
            fresh = [document for document in waiting if document["_id"] not in placed]
            placed |= await self._insert(fresh)
            await self._mark(placed)
        return len(placed)

    async def read(self, *, after: int, limit: int) -> Sequence[Sealed]:
        """Read the commits behind a position, in order; [] at the end.

        One that cannot be read is told and left out, so that nobody waits behind it: an audit names it.
        """
        with reachable():
            return await self._pages.put((after, limit))

    async def _page(self, wanted: tuple[int, int]) -> Sequence[Sealed]:
        after, limit = wanted
        while entries := await self._entries(after, limit):
            readable = await self._readable(entries)
            if readable:
                return readable
            after = entries[-1]["_id"]
        return []

    async def _entries(self, after: int, limit: int) -> list[Document]:
        behind = self._log.find({"_id": {"$gt": after}}).sort("_id", ASCENDING).limit(limit)
        return await behind.to_list(limit)

    async def _readable(self, entries: Sequence[Document]) -> list[Sealed]:
        ids = [entry["commit"] for entry in entries]
        documents = await self._commits.find({"_id": {"$in": ids}}).to_list(None)
        commits = {document["_id"]: commit for document in documents if (commit := readable(document))}
        return [
            Sealed(entry["_id"], commits[entry["commit"]]) for entry in entries if entry["commit"] in commits
        ]

    async def _unsealed(self, limit: int) -> list[Document]:
        """Read the oldest waiting streams, each with all its waiting commits.

        A commit's predecessor was durable before it, so a snapshot that shows the one shows the other; a
        plain cursor may pass the predecessor's place before both are there.
        """
        oldest = self._commits.find({"unsealed": True}, {"stream": 1}).sort("time", ASCENDING).limit(limit)
        streams = list(dict.fromkeys([document["stream"] for document in await oldest.to_list(limit)]))
        query = {"stream": {"$in": streams}, "unsealed": True}
        snapshot = self._commits.with_options(read_concern=ReadConcern("snapshot"))
        found = await snapshot.find(query, {"stream": 1, "first": 1, "body": 1}).to_list(None)
        rank = {stream: number for number, stream in enumerate(streams)}
        return sorted(found, key=lambda document: (rank[document["stream"]], document["first"]))

    async def _positions(self, commit_ids: Sequence[str]) -> set[str]:
        """Find commits that a killed sealer placed but did not mark."""
        entries = await self._log.find({"commit": {"$in": list(commit_ids)}}).to_list(None)
        return {entry["commit"] for entry in entries}

    async def _insert(self, documents: Sequence[Document]) -> set[str]:
        if not documents:
            return set()
        owners = await self._owners(documents)
        first = await self.head() + 1
        entries = [
            {
                "_id": position,
                "commit": document["_id"],
                "stream": document["stream"],
                "leaf": leaf_hash(document["body"]),
                **owners.get(document["stream"], {}),
            }
            for position, document in enumerate(documents, start=first)
        ]
        try:
            await self._log.insert_many(entries, ordered=True)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
            log.warning("another sealer was first", position=first)
            return await self._positions([document["_id"] for document in documents])
        return {document["_id"] for document in documents}

    async def _owners(self, documents: Sequence[Document]) -> Mapping[str, Document]:
        """Find project and user of each stream that belongs to one, for `MongoFeeds`.

        They are in the first event of a generation: in this batch, or at its position already.
        """
        owners = {
            document["stream"]: owner
            for document in documents
            if document["first"] == 1 and (owner := _owner_in(document["body"])) is not None
        }
        older = {document["stream"] for document in documents} - owners.keys()
        firsts = {"commit": {"$in": [f"{stream}:1" for stream in older]}, "project": {"$exists": True}}
        fields = {"_id": 0, "stream": 1, "project": 1, "user": 1}
        async for entry in self._log.find(firsts, fields):
            owners[entry.pop("stream")] = entry
        return owners

    async def _mark(self, commit_ids: set[str]) -> None:
        await self._commits.update_many({"_id": {"$in": list(commit_ids)}}, {"$unset": {"unsealed": ""}})


def _owner_in(body: bytes) -> Document | None:
    """Read who asked for a generation from its first commit; None for any other."""
    first = json.loads(body)[0]
    if first["type"] != GenerationRequested.type:
        return None
    owner: Mapping[str, Any] = first["data"]["owner"]
    return {"project": owner["project"], "user": owner["user"]}
