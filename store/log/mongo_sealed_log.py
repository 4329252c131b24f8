"""The sealed log in MongoDB.

Only the holder of a lease seals. Two unique keys of collection `log` fence a holder that was replaced: each
position and each commit stand there once, so its insert fails.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import structlog
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from events.commit import leaf_hash
from events.generation import GenerationRequested
from store.commits.document import readable
from store.log.sealed_log import SealedCommit
from store.mongo.batcher import shared
from store.mongo.connection import Database, Document, Indexes, only_duplicates, raises_unavailable, reachable

log = structlog.get_logger()


@raises_unavailable
class MongoSealedLog:
    """Positions in collection `log`; marks `unsealed` in collection `commits`."""

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
        self._database = database
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")
        self._pages = shared(self._page)

    async def head(self) -> int:
        return await last_position(self._database)

    async def seal(self, *, limit: int = 500) -> int:
        waiting = await self._unsealed(limit)
        if not waiting:
            return 0
        sealed = await self._sealed([document["_id"] for document in waiting])
        fresh = [document for document in waiting if document["_id"] not in sealed]
        sealed |= await self._insert(fresh)
        await self._commits.update_many({"_id": {"$in": list(sealed)}}, {"$unset": {"unsealed": ""}})
        return len(sealed)

    async def read(self, *, after: int, limit: int) -> Sequence[SealedCommit]:
        return await self._pages.put((after, limit))

    async def _page(self, wanted: tuple[int, int]) -> Sequence[SealedCommit]:
        after, limit = wanted
        while True:
            behind = self._log.find({"_id": {"$gt": after}}).sort("_id", ASCENDING).limit(limit)
            entries = await behind.to_list(limit)
            found = await self._readable(entries) if entries else []
            if found or not entries:
                return found
            after = entries[-1]["_id"]

    async def _readable(self, entries: Sequence[Document]) -> list[SealedCommit]:
        ids = [entry["commit"] for entry in entries]
        documents = await self._commits.find({"_id": {"$in": ids}}).to_list(None)
        commits = {document["_id"]: commit for document in documents if (commit := readable(document))}
        found = [(entry["_id"], commits.get(entry["commit"])) for entry in entries]
        return [SealedCommit(position, commit) for position, commit in found if commit is not None]

    async def _unsealed(self, limit: int) -> list[Document]:
        """Read the streams that wait longest, each with all its unsealed commits.

        In a snapshot, because a commit's predecessor was durable before it: a plain cursor may pass the
        predecessor's position in the index before both are written.
        """
        oldest = self._commits.find({"unsealed": True}, {"stream": 1}).sort("time", ASCENDING).limit(limit)
        streams = list(dict.fromkeys([document["stream"] for document in await oldest.to_list(limit)]))
        query = {"stream": {"$in": streams}, "unsealed": True}
        snapshot = self._commits.with_options(read_concern=ReadConcern("snapshot"))
        found = await snapshot.find(query, {"stream": 1, "first": 1, "body": 1}).to_list(None)
        rank = {stream: number for number, stream in enumerate(streams)}
        return sorted(found, key=lambda document: (rank[document["stream"]], document["first"]))

    async def _sealed(self, commit_ids: Sequence[str]) -> set[str]:
        """Find commits that have a position; a killed sealer may not have cleared their marks."""
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
            log.warning("seal_conflicted", position=first)
            return await self._sealed([document["_id"] for document in documents])
        return {document["_id"] for document in documents}

    async def _owners(self, documents: Sequence[Document]) -> Mapping[str, Document]:
        """Map the streams of generations to their project and user, for `Feeds`.

        Both are in a generation's first commit, which is in this batch or sealed already.
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


async def last_position(database: Database) -> int:
    """Read the last position of the sealed log; 0 for an empty log."""
    with reachable():
        last = await database["log"].find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
    return last["_id"] if last else 0


def _owner_in(body: bytes) -> Document | None:
    """Read project and user from the first commit of a generation; None for any other commit."""
    first = json.loads(body)[0]
    if first["type"] != GenerationRequested.type:
        return None
    owner: Mapping[str, Any] = first["data"]["owner"]
    return {"project": owner["project"], "user": owner["user"]}
