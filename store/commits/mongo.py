"""The event store on MongoDB: one commit is one document, `_id` = stream:first."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from bson.errors import BSONError
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError, WTimeoutError

from events.commit import Commit, commit_of
from events.envelope import Cause
from events.event import Event
from store.commits.commits_by_stream import commits_by_stream
from store.commits.contract import Write
from store.commits.document import document_of, stored_commit
from store.commits.insert_faults import DuplicateError, TakenError, insert_fault
from store.commits.stream_heads import StreamHeads
from store.commits.stream_range import WHOLE, StreamRange
from store.commits.unreadable import UNREADABLE, OnUnreadable
from store.errors import OutcomeUnknownError, WriteRefusedError, WrongExpectedVersionError
from store.fault_name import fault_name
from store.mongo.batcher import Batcher
from store.mongo.connection import (
    WRITE_CONFLICT,
    Database,
    Document,
    Indexes,
    is_transient,
    raises_unavailable,
)
from store.mongo.finding import find_few
from store.mongo.provisional import ProvisionalWrites, term_of
from store.mongo.transactions import CommitOutcomeUnknownError, Session, in_transaction

_MOSTLY = 9  # events of a generation, with one to spare


@raises_unavailable
class MongoEventStore:
    """Append and read commits; concurrent appends share round trips."""

    indexes: ClassVar[Indexes] = {
        "commits": [
            IndexModel([("stream", ASCENDING), ("first", ASCENDING)], unique=True),
            IndexModel([("time", ASCENDING)], name="unsealed_by_time", partialFilterExpression={"unsealed": True}),
        ]
    }

    def __init__(self, database: Database, provisional: ProvisionalWrites | None = None) -> None:
        self._database = database
        self._commits = database.get_collection("commits")
        self._provisional = provisional or ProvisionalWrites(database)
        self._appends: Batcher[Document, int | None] = Batcher(self._insert)
        self._reads: Batcher[str, list[Commit]] = Batcher(self._find, largest=100)
        self._heads = StreamHeads()

    async def append(
        self,
        stream: str,
        expected_version: int,
        events: Sequence[Event],
        *,
        cause: Cause,
        time: datetime,
        write: Write | None = None,
    ) -> Commit:
        if not events:
            raise ValueError("a commit has at least one event")
        await self._require(stream, expected_version)
        writer = secrets.token_hex(12)
        commit = commit_of(stream, expected_version, events, cause=cause, time=time, writer=writer)
        followed = self._provisional.pending(stream)
        await self._provisional.confirm(stream, followed, await self._write(commit, time, write))
        self._heads.note(commit)
        return commit

    async def read(self, stream: str, *, after: int = 0) -> list[Commit]:
        if after == 0:
            return [*await self._reads.put(stream)]
        query = {"stream": stream, "last": {"$gt": after}}
        documents = await find_few(self._commits, query, order=[("first", ASCENDING)])
        return [stored_commit(document) for document in documents]

    async def following(self, heads: Mapping[str, int]) -> list[Commit]:
        ids = [f"{stream}:{version + 1}" for stream, version in heads.items()]
        documents = await find_few(self._commits, {"_id": {"$in": ids}})
        return [stored_commit(document) for document in documents]

    async def since(self, heads: Mapping[str, int]) -> dict[str, list[Commit] | Exception]:
        found: dict[str, list[Document]] = {stream: [] for stream in heads}
        new = [stream for stream, version in heads.items() if not version]
        known = {stream: version for stream, version in heads.items() if version}
        whole, later = await asyncio.gather(self._whole(new), self._later(known))
        for stream, document in (*whole, *later):
            found[stream].append(document)
        read = {stream: _commits_of(documents) if documents else [] for stream, documents in found.items()}
        for commits in read.values():
            if isinstance(commits, list) and commits:
                self._heads.note(commits[-1])
        return read

    async def _whole(self, streams: Sequence[str]) -> list[tuple[str, Document]]:
        """Read the documents of streams, in order."""
        if not streams:
            return []
        query, order = {"stream": {"$in": list(streams)}}, [("stream", ASCENDING), ("first", ASCENDING)]
        return [(one["stream"], one) for one in await find_few(self._commits, query, order=order)]

    async def _later(self, heads: Mapping[str, int]) -> list[tuple[str, Document]]:
        """Read the documents behind versions, in order, by the ids that they can have: cheaper than a range each."""
        read = list[tuple[str, Document]]()
        while heads:
            ids = {f"{name}:{v + n}": (name, n) for name, v in heads.items() for n in range(1, _ahead(v) + 1)}
            found = await find_few(self._commits, {"_id": {"$in": list(ids)}})
            found.sort(key=lambda document: ids[document["_id"]][1])
            named = [(ids[document["_id"]][0], document) for document in found]
            read += named
            ends = {name: end for name, document in named if isinstance(end := document.get("last"), int)}
            heads = {name: end for name, end in ends.items() if end >= heads[name] + _ahead(heads[name])}
        return read

    async def types(self, streams: Sequence[str]) -> dict[str, frozenset[str]]:
        query, fields = {"stream": {"$in": list(streams)}}, {"stream": 1, "types": 1}
        documents = await find_few(self._commits, query, fields)
        found = defaultdict[str, set[str]](set)
        for document in documents:
            found[document["stream"]].update(document.get("types") or ())
        return {stream: frozenset(types) for stream, types in found.items()}

    def commits(
        self, on_unreadable: OnUnreadable | None = None, *, within: StreamRange = WHOLE
    ) -> AsyncIterator[Commit]:
        return commits_by_stream(self._commits, within, on_unreadable)

    async def _require(self, stream: str, version: int) -> None:
        """Refuse a gap: the unique key alone would accept a commit without a predecessor."""
        if version == 0 or self._heads.has(stream, version):
            return
        # The index answers this, however long the stream is.
        reaching = {"stream": stream, "first": {"$lte": version}}
        before = await self._commits.find_one(reaching, {"last": 1}, sort=[("first", DESCENDING)])
        if before is None or before["last"] != version:
            raise WrongExpectedVersionError(stream, version)

    async def _find(self, streams: Sequence[str]) -> list[list[Commit] | Exception]:
        found = await self.since(dict.fromkeys(streams, 0))
        return [found[stream] for stream in streams]

    async def _insert(self, documents: Sequence[Document]) -> list[Exception | int | None]:
        """Insert a batch; repeat it once when its outcome is unknown. Answer each with the primary's term.

        The driver's own retries would make the server write a record of each insert. A batch that is refused as a
        whole is sent again one by one: what one commit has, such as too many bytes, is no fault of the others.
        """
        try:
            return await self._insert_once(documents, TakenError)
        except (PyMongoError, BSONError) as error:
            if is_transient(error):
                return await self._insert_again(documents)
        return await asyncio.gather(*map(self._insert_alone, documents))

    async def _insert_again(self, documents: Sequence[Document]) -> list[Exception | int | None]:
        """Insert what may be stored already: whatever fails now, what is stored tells, with its writer's token."""
        try:
            outcomes = await self._insert_once(documents, DuplicateError)
        except PyMongoError:
            return [CommitOutcomeUnknownError()] * len(documents)
        return [CommitOutcomeUnknownError() if isinstance(one, Exception) else one for one in outcomes]

    async def _insert_alone(self, document: Document) -> Exception | int | None:
        try:
            [answer] = await self._insert_once([document], DuplicateError)
        except (PyMongoError, BSONError) as error:
            return error if is_transient(error) else WriteRefusedError(f"the append is refused: {fault_name(error)}")
        return answer

    async def _insert_once(
        self, documents: Sequence[Document], duplicate: type[Exception]
    ) -> list[Exception | int | None]:
        name, concern = self._commits.name, self._commits.write_concern.document
        answer = await self._database.command(
            "insert", name, documents=list(documents), ordered=False, writeConcern=concern
        )
        outcomes: list[Exception | int | None] = [term_of(answer)] * len(documents)
        if "writeConcernError" in answer:  # written, perhaps not durably: no outcome is known
            outcomes = [WTimeoutError("the write concern was not met")] * len(documents)
        for fault in answer.get("writeErrors", ()):
            outcomes[fault["index"]] = insert_fault(fault, duplicate)
        return outcomes

    async def _write(self, commit: Commit, time: datetime, write: Write | None) -> int | None:
        """Store a commit; return the term of the primary if it is known."""
        try:
            if write is None:
                return await self._appends.put(document_of(commit, time))
            await self._insert_with(write, commit, time)
        except TakenError as error:
            raise WrongExpectedVersionError(commit.stream, commit.first - 1) from error
        except (DuplicateError, CommitOutcomeUnknownError):
            # Success only when the stored writer is this one: the write was repeated.
            await self._settle_unknown(commit)
        except PyMongoError as error:
            if not is_transient(error):
                raise
            await self._settle_unknown(commit)
        return None

    async def _insert_with(self, write: Write, commit: Commit, time: datetime) -> None:
        async def work(session: Session) -> None:
            try:
                await self._commits.insert_one(document_of(commit, time), session=session)
            except DuplicateKeyError as error:
                raise DuplicateError from error
            except OperationFailure as error:
                if error.code == WRITE_CONFLICT:  # an open transaction writes this version
                    raise WrongExpectedVersionError(commit.stream, commit.first - 1) from error
                raise
            await write(commit, session)

        await in_transaction(self._database, work)

    async def _settle_unknown(self, commit: Commit) -> None:
        try:
            stored = await self._commits.find_one({"_id": commit.id}, {"writer": 1})
        except PyMongoError as error:
            raise OutcomeUnknownError(commit.id) from error
        if stored is None:
            # Absent now is not absent for good: the lost write may still arrive.
            raise OutcomeUnknownError(commit.id)
        if stored["writer"] != commit.writer:
            raise WrongExpectedVersionError(commit.stream, commit.first - 1)


def _ahead(version: int) -> int:
    """Choose how many versions behind one are looked for at once: what generations mostly have left."""
    return max(_MOSTLY - version, 1)


def _commits_of(documents: Sequence[Document]) -> list[Commit] | Exception:
    """Read a stream's commits; an error is for the readers of this stream alone."""
    try:
        return [stored_commit(document) for document in documents]
    except UNREADABLE as error:
        return error
