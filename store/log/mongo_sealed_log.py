"""The sealed log in MongoDB.

Only the holder of a lease seals. Two unique keys of collection `log` fence a holder that was replaced: each
position and each commit stand there once, so its insert fails.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import ClassVar

import structlog
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from events.commit import Commit
from store.commits.document import readable
from store.log.sealed_log import SealedCommit
from store.mongo.batcher import shared
from store.mongo.connection import Database, Document, Indexes, only_duplicates, raises_unavailable, reachable

_FIELDS = ("stream", "first", "last", "types")
_OWNER = ("developer", "project", "user")
_OWNERS_KEPT = 4096

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
        self._reads = shared(self._page)
        self._head: int | None = None  # None: not known
        self._owners: OrderedDict[str, Document] = OrderedDict()

    async def head(self) -> int:
        return await last_position(self._database)

    async def seal(self, *, limit: int = 500) -> int:
        waiting = await self._unsealed(limit)
        sealed = await self._insert(waiting) if waiting else []
        if sealed:
            await self._commits.update_many({"_id": {"$in": sealed}}, {"$unset": {"unsealed": ""}})
        return len(sealed)

    async def read(self, *, after: int, limit: int) -> Sequence[SealedCommit]:
        return await self._reads.put((after, limit))

    async def commits(self, entries: Sequence[SealedCommit]) -> Sequence[Commit]:
        found = await self._commits.find({"_id": {"$in": [entry.id for entry in entries]}}).to_list(None)
        read = {document["_id"]: commit for document in found if (commit := readable(document))}
        return [read[entry.id] for entry in entries if entry.id in read]

    async def _page(self, wanted: tuple[int, int]) -> Sequence[SealedCommit]:
        """Read a page; one whose commits are all missing is passed over, and an audit names them."""
        after, limit = wanted
        fields = {"commit": 1, "developer": 1, "project": 1}
        while True:
            behind = self._log.find({"_id": {"$gt": after}}, fields).sort("_id", ASCENDING).limit(limit)
            entries = await behind.to_list(limit)
            found = await self._with_fields(entries) if entries else []
            if found or not entries:
                return found
            after = entries[-1]["_id"]

    async def _with_fields(self, entries: Sequence[Document]) -> list[SealedCommit]:
        ids = [entry["commit"] for entry in entries]
        documents = await self._commits.find({"_id": {"$in": ids}}, _FIELDS).to_list(None)
        commits = {one["_id"]: (one["stream"], one["first"], one["last"], tuple(one["types"])) for one in documents}
        return [
            SealedCommit(entry["_id"], *commits[entry["commit"]], entry.get("developer"), entry.get("project"))
            for entry in entries
            if entry["commit"] in commits
        ]

    async def _unsealed(self, limit: int) -> list[Document]:
        """Read what has waited longest, each stream without a gap and in its own order.

        In a snapshot, because a commit's predecessor was durable before it: a plain cursor may pass the
        predecessor's position in the index before both are written.
        """
        found = await self._in_snapshot({"unsealed": True}, limit)
        streams = list(dict.fromkeys(document["stream"] for document in found))
        if len(found) == limit:  # the clocks of two writers differ: a predecessor may lie behind the limit
            found = await self._in_snapshot({"stream": {"$in": streams}, "unsealed": True}, 0)
        rank = {stream: number for number, stream in enumerate(streams)}
        return sorted(found, key=lambda document: (rank[document["stream"]], document["first"]))

    async def _in_snapshot(self, query: Document, limit: int) -> list[Document]:
        snapshot = self._commits.with_options(read_concern=ReadConcern("snapshot"))
        fields = ("stream", "first", "leaf", *_OWNER)
        found = snapshot.find(query, fields, batch_size=limit + 1).sort("time", ASCENDING).limit(limit)
        return await found.to_list(None)

    async def _sealed(self, commit_ids: Sequence[str]) -> list[str]:
        """Find commits that have a position; a killed sealer may not have cleared their marks."""
        entries = await self._log.find({"commit": {"$in": list(commit_ids)}}, {"commit": 1}).to_list(None)
        return [entry["commit"] for entry in entries]

    async def _insert(self, documents: Sequence[Document]) -> list[str]:
        """Insert positions behind the last one; return the commits that have one now.

        The last position is remembered: when another sealer has moved it, the unique key refuses the insert.
        """
        owners = await self._owners_of(documents)
        first = (await self.head() if self._head is None else self._head) + 1
        entries = [
            {
                "_id": position,
                "commit": document["_id"],
                "stream": document["stream"],
                "leaf": document["leaf"],
                **owners.get(document["stream"], {}),
            }
            for position, document in enumerate(documents, start=first)
        ]
        self._head, ids = None, [document["_id"] for document in documents]
        try:
            await self._log.insert_many(entries, ordered=True)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
            log.warning("seal_conflicted", position=first)
            return await self._sealed(ids)
        self._head = entries[-1]["_id"]
        return ids

    async def _owners_of(self, documents: Sequence[Document]) -> Mapping[str, Document]:
        """Map the streams of generations to their owner, for `Feeds` and the subscribers.

        It stands beside a generation's first commit, which is in this batch or sealed already.
        """
        for document in documents:
            if document["first"] == 1:
                owner: Document = {name: document[name] for name in _OWNER if name in document}
                self._owners[document["stream"]] = owner
        unknown = {document["stream"] for document in documents} - self._owners.keys()
        if unknown:
            firsts = {"commit": {"$in": [f"{stream}:1" for stream in unknown]}}
            fields = {"_id": 0, **dict.fromkeys(("stream", *_OWNER), 1)}
            found = await self._log.find(firsts, fields).to_list(None)
            self._owners.update({entry.pop("stream"): entry for entry in found})
        owners = {stream: self._owners.get(stream, {}) for stream in {document["stream"] for document in documents}}
        while len(self._owners) > _OWNERS_KEPT:
            self._owners.popitem(last=False)
        return owners


async def last_position(database: Database) -> int:
    """Read the last position of the sealed log; 0 for an empty log."""
    with reachable():
        last = await database["log"].find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
    return last["_id"] if last else 0
