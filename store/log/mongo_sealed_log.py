"""The sealed log in MongoDB.

Only the holder of a lease seals. Two unique keys of collection `log` fence a holder that was replaced: each
position and each commit stand there once, so its insert fails.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import structlog
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from events.commit import Commit
from store.commits.document import OWNER, fault_beside_body, readable, stream_and_first
from store.log.sealed_log import SealedCommit
from store.log.unsealable_streams import UnsealableStreams
from store.mongo.batcher import shared
from store.mongo.connection import Database, Document, Indexes, only_duplicates, raises_unavailable, reachable

_FIELDS = ("stream", "first", "last", "types", "time", "leaf", *OWNER)
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

    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")
        self._unsealable = UnsealableStreams(monotonic)
        self._reads = shared(self._page)
        self._head: int | None = None  # None: not known
        self._owners: OrderedDict[str, Document] = OrderedDict()

    async def head(self) -> int:
        return await last_position(self._database)

    async def seal(self, *, limit: int = 500) -> int:
        self._unsealable.retry_when_due()
        sealable, before = list[Document](), -1
        while not sealable and len(self._unsealable) > before and (waiting := await self._unsealed(limit)):
            before = len(self._unsealable)
            owners = await self._owners_of([one for one in waiting if fault_beside_body(one) is None])
            sealable = [one for one in waiting if self._is_sealable(one, owners)]
        sealed = await self._insert(sealable, owners) if sealable else []
        if sealed:
            await self._commits.update_many({"_id": {"$in": sealed}}, {"$unset": {"unsealed": ""}})
        return len(sealed)

    async def unsealed(self, before: datetime, *, limit: int) -> Sequence[str]:
        found = self._commits.find({"unsealed": True, "time": {"$not": {"$gte": before}}}, {"_id": 1})
        return [document["_id"] for document in await found.sort("time", ASCENDING).limit(limit).to_list(limit)]

    async def read(self, *, after: int, limit: int) -> Sequence[SealedCommit]:
        return await self._reads.put((after, limit))

    async def commits(self, entries: Sequence[SealedCommit]) -> Sequence[Commit]:
        found = await self._commits.find({"_id": {"$in": [entry.id for entry in entries]}}).to_list(None)
        read = {document["_id"]: commit for document in found if (commit := readable(document))}
        return [read[entry.id] for entry in entries if entry.id in read]

    async def _page(self, wanted: tuple[int, int]) -> Sequence[SealedCommit]:
        after, limit = wanted
        fields = {"commit": 1, "developer": 1, "project": 1}
        behind = self._log.find({"_id": {"$gt": after}}, fields).sort("_id", ASCENDING).limit(limit)
        entries = await behind.to_list(limit)
        ids = [entry["commit"] for entry in entries]
        documents = await self._commits.find({"_id": {"$in": ids}}, _FIELDS).to_list(None) if ids else []
        commits = {one["_id"]: one for one in documents if fault_beside_body(one) is None}
        return [_sealed_commit(entry, commits.get(entry["commit"])) for entry in entries]

    async def _unsealed(self, limit: int) -> list[Document]:
        """Read what has waited longest, each stream without a gap and in its own order.

        In a snapshot, because a commit's predecessor was durable before it: a plain cursor may pass the
        predecessor's position in the index before both are written.
        """
        found = await self._in_snapshot({"unsealed": True, **self._unsealable.others()}, limit)
        streams = list(dict.fromkeys(stream_and_first(document)[0] for document in found))
        if len(found) == limit:  # the clocks of two writers differ: a predecessor may lie behind the limit
            astray = [document for document in found if document.get("stream") not in streams]
            found = astray + await self._in_snapshot({"stream": {"$in": streams}, "unsealed": True}, 0)
        rank = {stream: number for number, stream in enumerate(streams)}
        return sorted(
            found, key=lambda document: (rank.get(stream_and_first(document)[0], 0), stream_and_first(document)[1])
        )

    def _is_sealable(self, document: Document, owners: Mapping[str, Document]) -> bool:
        """Hold back what is damaged and what follows it in its stream: no position of theirs could be proven."""
        stream, _ = stream_and_first(document)
        if stream in self._unsealable:
            if document.get("stream") != stream:
                self._unsealable.add(stream, document["_id"])
            return False
        fault = fault_beside_body(document) or (None if stream in owners else "its first commit has no position")
        if fault is not None:
            self._unsealable.set_aside(stream, document["_id"], fault)
        return fault is None

    async def _in_snapshot(self, query: Document, limit: int) -> list[Document]:
        snapshot = self._commits.with_options(read_concern=ReadConcern("snapshot"))
        found = snapshot.find(query, _FIELDS, batch_size=limit and limit + 1).sort("time", ASCENDING).limit(limit)
        return await found.to_list(None)

    async def _sealed(self, commit_ids: Sequence[str]) -> list[str]:
        """Find commits that have a position; a killed sealer may not have cleared their marks."""
        entries = await self._log.find({"commit": {"$in": list(commit_ids)}}, {"commit": 1}).to_list(None)
        return [entry["commit"] for entry in entries]

    async def _insert(self, documents: Sequence[Document], owners: Mapping[str, Document]) -> list[str]:
        """Insert positions behind the last one; return the commits that have one now.

        The last position is remembered: when another sealer has moved it, the unique key refuses the insert.
        """
        first = (await self.head() if self._head is None else self._head) + 1
        entries = [
            {
                "_id": position,
                "commit": document["_id"],
                "stream": document["stream"],
                "leaf": document["leaf"],
                **owners[document["stream"]],
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
        """Map streams to the owner of the generation, for `Feeds` and the subscribers; other streams have none.

        It stands beside a generation's first commit. A stream whose first commit is neither in this batch nor
        sealed is left out.
        """
        for document in documents:
            if document["first"] == 1:
                owner: Document = {name: document[name] for name in OWNER if name in document}
                self._owners[document["stream"]] = owner
        unknown = {document["stream"] for document in documents} - self._owners.keys()
        if unknown:
            firsts = {"commit": {"$in": [f"{stream}:1" for stream in unknown]}}
            fields = {"_id": 0, **dict.fromkeys(("stream", *OWNER), 1)}
            found = await self._log.find(firsts, fields).to_list(None)
            self._owners.update({entry.pop("stream"): entry for entry in found})
        streams = {document["stream"] for document in documents}
        owners = {stream: self._owners[stream] for stream in streams if stream in self._owners}
        while len(self._owners) > _OWNERS_KEPT:
            self._owners.popitem(last=False)
        return owners


def _sealed_commit(entry: Document, commit: Document | None) -> SealedCommit:
    owner = entry.get("developer"), entry.get("project")
    if commit is None:
        stream, first = stream_and_first({"_id": entry["commit"]})
        return SealedCommit(entry["_id"], stream, first, first, (), *owner, damaged=True)
    return SealedCommit(entry["_id"], commit["stream"], commit["first"], commit["last"], tuple(commit["types"]), *owner)


async def last_position(database: Database) -> int:
    """Read the last position of the sealed log; 0 for an empty log."""
    with reachable():
        last = await database["log"].find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
    return last["_id"] if last else 0
