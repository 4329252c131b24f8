"""The sealed log in MongoDB.

Only the holder of a lease seals. Two unique keys of collection `log` fence a holder that was replaced: each
position and each commit stand there once, so its insert fails.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar

import structlog
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from domain.audit.terms import correlation_of
from events.commit import Commit
from store.commits.document import OWNER, fault_beside_body, readable, stream_and_first
from store.log.endpoint_owners import EndpointOwners
from store.log.entries import Owners, entry_of, envelopes_of
from store.log.first_commits import first_commit
from store.log.sealed_log import SealedCommit
from store.log.unsealable_streams import UnsealableStreams
from store.mongo.batcher import shared
from store.mongo.connection import Database, Document, Indexes, only_duplicates, raises_unavailable, reachable
from store.mongo.safe_now import SafeNow, ServerTime

_FIELDS = ("stream", "first", "last", "types", "time", "leaf", *OWNER)
_SEALED_FIELDS = (*_FIELDS, "body")
_OWNERS_KEPT = 4096
_BACKLOG = 4  # pages of commits that are sealed at once
_utc_now = partial(datetime.now, UTC)

log = structlog.get_logger()


@raises_unavailable
class MongoSealedLog:
    """Positions in collection `log`; marks `unsealed` in collection `commits`."""

    indexes: ClassVar[Indexes] = {
        "log": [
            IndexModel("commit", unique=True),
            *(
                IndexModel([*((name, ASCENDING) for name in found_by), ("_id", ASCENDING)])
                for found_by in (["project"], ["project", "user"], ["terms"])
            ),
        ]
    }

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime] = _utc_now,
        server_time: Callable[[], Awaitable[datetime]] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")
        self._unsealable = UnsealableStreams(monotonic)
        self._endpoint_owners = EndpointOwners(database)
        self._reads = shared(self._page)
        self._now = SafeNow(clock, server_time or ServerTime(database))
        self._last: Document | None = None  # the last entry; None: not known
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

    async def positions(self, commits: Collection[str]) -> Mapping[str, int]:
        found = await self._log.find({"commit": {"$in": list(commits)}}, {"commit": 1}).to_list(None)
        return {entry["commit"]: entry["_id"] for entry in found}

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
            found = astray + await self._backlog(streams, limit * _BACKLOG)
        return _in_order(found, streams)

    async def _backlog(self, streams: Sequence[str], limit: int) -> list[Document]:
        """Read the first commits of streams that wait, chosen by their ids: the other fields may be damaged."""
        waiting = await self._in_snapshot({"stream": {"$in": streams}, "unsealed": True}, 0, ("_id",))
        ids = [document["_id"] for document in _in_order(waiting, streams)[:limit]]
        return await self._in_snapshot({"_id": {"$in": ids}, "unsealed": True}, limit)

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

    async def _in_snapshot(self, query: Document, limit: int, fields: Sequence[str] = _SEALED_FIELDS) -> list[Document]:
        snapshot = self._commits.with_options(read_concern=ReadConcern("snapshot"))
        found = snapshot.find(query, fields, batch_size=limit and limit + 1)
        return await found.sort("time", ASCENDING).limit(limit).to_list(None)

    async def _sealed(self, commit_ids: Sequence[str]) -> list[str]:
        """Find commits that have a position; a killed sealer may not have cleared their marks."""
        return list(await self.positions(commit_ids))

    async def _insert(self, documents: Sequence[Document], owners: Mapping[str, Document]) -> list[str]:
        """Insert positions behind the last one; return the commits that have one now.

        The last entry is remembered: when another sealer has moved it, the unique key refuses the insert. The
        time of sealing never decreases, and is at most MongoDB's, whatever the clocks of the sealers say.
        """
        last = await self._last_entry() if self._last is None else self._last
        now = await self._now()
        sealed_at = max(now, last["sealed_at"]) if last else now
        read = [envelopes_of(document) for document in documents]
        correlated = {correlation_of(envelope) for envelopes in read for envelope in envelopes}
        owners = {**await self._owners_of_streams(correlated), **owners}
        first = (last["_id"] if last else 0) + 1
        known = Owners(owners, await self._endpoint_owners.of(documents, read))
        entries = [
            entry_of(first + number, document, read[number], known, sealed_at)
            for number, document in enumerate(documents)
        ]
        self._last, ids = None, [document["_id"] for document in documents]
        try:
            await self._log.insert_many(entries, ordered=True)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
            log.warning("seal_conflicted", position=entries[0]["_id"])
            return await self._sealed(ids)
        self._last = {"_id": entries[-1]["_id"], "sealed_at": sealed_at}
        return ids

    async def _last_entry(self) -> Document | None:
        return await last_entry(self._database)

    async def _owners_of(self, documents: Sequence[Document]) -> Mapping[str, Document]:
        """Map streams to the owner of the generation, for `Feeds` and the subscribers; other streams have none.

        It stands beside a generation's first commit. A stream whose first commit is neither in this batch nor
        sealed is left out.
        """
        for document in documents:
            if document["first"] == 1:
                owner: Document = {name: document[name] for name in OWNER if name in document}
                self._owners[document["stream"]] = owner
        owners = await self._owners_of_streams({document["stream"] for document in documents})
        while len(self._owners) > _OWNERS_KEPT:
            self._owners.popitem(last=False)
        return owners

    async def _owners_of_streams(self, streams: Iterable[str]) -> Mapping[str, Document]:
        """Map the streams that are known here or sealed to their owners."""
        wanted = set(streams)
        unknown = wanted - self._owners.keys()
        if unknown:
            firsts = {"commit": {"$in": [first_commit(stream) for stream in unknown]}}
            fields = {"_id": 0, **dict.fromkeys(("stream", *OWNER), 1)}
            found = await self._log.find(firsts, fields).to_list(None)
            self._owners.update({entry.pop("stream"): entry for entry in found})
        return {stream: self._owners[stream] for stream in wanted if stream in self._owners}


def _in_order(documents: Sequence[Document], streams: Sequence[str]) -> list[Document]:
    """Sort documents by the order of their streams, each stream by its versions."""
    rank = {stream: number for number, stream in enumerate(streams)}
    names = {document["_id"]: stream_and_first(document) for document in documents}
    return sorted(documents, key=lambda one: (rank.get(names[one["_id"]][0], 0), names[one["_id"]][1]))


def _sealed_commit(entry: Document, commit: Document | None) -> SealedCommit:
    owner = entry.get("developer"), entry.get("project")
    if commit is None:
        stream, first = stream_and_first({"_id": entry["commit"]})
        return SealedCommit(entry["_id"], stream, first, first, (), *owner, damaged=True)
    return SealedCommit(entry["_id"], commit["stream"], commit["first"], commit["last"], tuple(commit["types"]), *owner)


async def last_position(database: Database) -> int:
    """Read the last position of the sealed log; 0 for an empty log."""
    last = await _last(database, {"_id": 1})
    return last["_id"] if last else 0


async def last_entry(database: Database) -> Document | None:
    """Read the position and the time of sealing of the last entry; None for an empty log."""
    return await _last(database, {"sealed_at": 1})


async def _last(database: Database, fields: Document) -> Document | None:
    with reachable():
        return await database["log"].find_one({}, fields, sort=[("_id", DESCENDING)])
