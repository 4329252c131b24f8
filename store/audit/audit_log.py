from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING

from domain.accounts.developer import stream_of as developer_stream
from domain.audit.event_filter import Bounds, EventFilter, PositionRange, range_of
from domain.audit.terms import term
from domain.generation.generation import stream_of as generation_stream
from events.commit import Commit, leaf_hash
from store.audit.audit_entries import AuditEntries, AuditEntry
from store.errors import DamagedCommitError
from store.log.mongo_sealed_log import last_position
from store.mongo.batcher import shared
from store.mongo.connection import Database, Document, raises_unavailable

MOST_LOOKED_AT: Final = 5000
"""So many commits one page compares with several conditions."""

_LAST: Final = 2**53  # behind every position
_INDEX: Final = [("terms", ASCENDING), ("_id", ASCENDING)]
_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True)
class ReadWindow:
    """The positions that one page reads at most, and the term by which it finds them; None: there is no choice."""

    first: int
    last: int
    term: str | None = None


@dataclass(frozen=True, slots=True)
class SealedBody:
    """The stored bytes of a commit at its position; `body` None: it has none."""

    position: int
    sealed_at: datetime
    leaf: bytes
    body: bytes | None


@raises_unavailable
class AuditLog:
    """Read the sealed log by position, in both directions; the index of terms answers every filter."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")
        self._read_entries = AuditEntries(database)
        self._heads = shared(self._read_head)

    async def head(self) -> int:
        """Read the last position; 0 for an empty log. Concurrent calls share one query."""
        return await self._heads.put(None)

    async def position_at(self, moment: datetime, head: int) -> int:
        """Find the first position up to `head` that was recorded then or later; one behind it when there is none.

        Times never decrease with positions, so twenty reads find one of a million.
        """
        low, high = 1, head + 1
        while low < high:
            middle = (low + high) // 2
            entry = await self._log.find_one({"_id": middle}, {"sealed_at": 1})
            if entry is not None and entry.get("sealed_at", moment) < moment:
                low = middle + 1
            else:
                high = middle
        return low

    async def positions(self, bounds: Bounds, head: int) -> PositionRange:
        """Find the positions between bounds."""
        moments = (bounds.recorded_from, bounds.recorded_before)
        first_at, last_at = [None if at is None else await self.position_at(at, head) for at in moments]
        return range_of(bounds, head, first_at=first_at, last_at=last_at)

    async def terms_of_first(self, name: str) -> Sequence[str]:
        """Read the terms of the first commit that has this one; [] for none."""
        after = 0
        while entries := await self._find({"terms": name}, after + 1, _LAST, 1, newest_first=False):
            if found := next((one for one in entries if name in one.terms), None):
                return found.terms
            after = entries[-1].position  # somebody has added the term to this one
        return []

    async def sealed_at(self, position: int) -> datetime | None:
        """Read when a position was recorded; None for one that the log does not have."""
        found = await self._log.find_one({"_id": position}, {"sealed_at": 1})
        return None if found is None else found.get("sealed_at")

    async def entry_of(self, commit: str) -> tuple[int, datetime] | None:
        """Read the position of a commit by its id, and when it was recorded; None for one that is not sealed."""
        found = await self._log.find_one({"commit": commit}, {"sealed_at": 1})
        return None if found is None else (found["_id"], found["sealed_at"])

    async def require_sealed(self, commits: Sequence[Commit]) -> None:
        """Raise DamagedCommitError for a commit with a position at which another body was sealed."""
        leaves = {commit.id: leaf_hash(commit.body) for commit in commits}
        for entry in await self._log.find({"commit": {"$in": [*leaves]}}, {"commit": 1, "leaf": 1}).to_list(None):
            if entry.get("leaf") != leaves[entry["commit"]]:
                raise DamagedCommitError(entry["commit"], "it is not the one that was sealed")

    async def of_account(self, developer: str, after: int, last: int, *, limit: int) -> Sequence[AuditEntry]:
        """Read the next commits of a developer's own stream and of their generations' streams."""
        streams = [{"stream": developer_stream(developer)}, {"stream": {"$regex": f"^{generation_stream('')}"}}]
        query = {"terms": term("developer", developer), "$or": streams}
        return await self._find(query, after + 1, last, limit, newest_first=False)

    async def window(self, wanted: EventFilter, first: int, last: int, *, newest_first: bool = False) -> ReadWindow:
        """Narrow positions so that a page reads a bounded part of the index, even if its conditions never meet.

        Of several terms the rarest in these positions is followed, for as many commits as a page may look at. Where
        it ends never changes: positions are only added behind all others.
        """
        if len(wanted.terms) < _SEVERAL:
            return ReadWindow(first, last)
        ends = list[tuple[int, str]]()
        for name in wanted.terms:
            end = await self._end_of_window(name, first, last, newest_first=newest_first)
            if end is None:
                return ReadWindow(first, last, name)
            ends.append((end, name))
        end, name = min(ends) if newest_first else max(ends)
        return ReadWindow(end, last, name) if newest_first else ReadWindow(first, end, name)

    async def read(
        self, wanted: EventFilter, window: ReadWindow, *, limit: int, newest_first: bool = False
    ) -> Sequence[AuditEntry]:
        """Read the commits of a window that may hold wanted events."""
        query = _query(wanted, window.term)
        return await self._find(query, window.first, window.last, limit, newest_first=newest_first)

    async def bodies(self, wanted: EventFilter, first: int, last: int, *, limit: int) -> Sequence[SealedBody]:
        """Read the commits from position `first` to `last` that may hold wanted events, as they are stored.

        Raises ContradictionError for one that is found by other terms than its events have.
        """
        entries = await self._entries(_query(wanted), first, last, limit, newest_first=False)
        ids = [entry["commit"] for entry in entries]
        found = await self._commits.find({"_id": {"$in": ids}}, {"body": 1}).to_list(None) if ids else []
        bodies = {document["_id"]: document.get("body") for document in found}
        if wanted.terms:
            await self._read_entries.require_terms(entries, bodies)
        return [
            SealedBody(entry["_id"], entry["sealed_at"], bytes(entry["leaf"]), _bytes(bodies.get(entry["commit"])))
            for entry in entries
        ]

    async def with_any(self, terms: Sequence[str], *, before: int, limit: int) -> Sequence[AuditEntry]:
        """Read the commits with any of these terms before a position, newest first."""
        return await self._find({"terms": {"$in": [*terms]}}, 1, before - 1, limit, newest_first=True)

    async def _end_of_window(self, name: str, first: int, last: int, *, newest_first: bool) -> int | None:
        """Find the last of the commits with a term that a page may look at; None for fewer. The index answers."""
        order = DESCENDING if newest_first else ASCENDING
        found = self._log.find({"terms": name, "_id": {"$gte": first, "$lte": last}}, {"_id": 1}).hint(_INDEX)
        end = await found.sort("_id", order).skip(MOST_LOOKED_AT - 1).limit(1).to_list(1)
        return end[0]["_id"] if end else None

    async def _find(
        self, query: Document, first: int, last: int, limit: int, *, newest_first: bool
    ) -> Sequence[AuditEntry]:
        entries = await self._entries(query, first, last, limit, newest_first=newest_first)
        return await self._read_entries.read(entries)

    async def _entries(
        self, query: Document, first: int, last: int, limit: int, *, newest_first: bool
    ) -> Sequence[Document]:
        found = self._log.find({**query, "_id": {"$gte": first, "$lte": last}})
        order = DESCENDING if newest_first else ASCENDING
        if "terms" in query:
            found = found.hint(_INDEX)  # the planner was seen to read a range of positions instead
        entries: list[Document] = await found.sort("_id", order).limit(limit).to_list(limit)
        return entries

    async def _read_head(self, _: None) -> int:
        return await last_position(self._database)


def _query(wanted: EventFilter, followed: str | None = None) -> Document:
    """Write a query: the index finds the term that is followed, else the one that the planner chooses."""
    terms, stream = wanted.terms, {} if wanted.stream is None else {"stream": wanted.stream}
    if not terms:
        return {}
    if followed is None or len(terms) == 1:
        return {"terms": terms[0] if len(terms) == 1 else {"$all": [*terms]}, **stream}
    # An expression, because the planner may choose the index for the terms of a plain condition.
    others = [name for name in terms if name != followed]
    return {"terms": followed, "$expr": {"$setIsSubset": [{"$literal": others}, "$terms"]}, **stream}


def _bytes(body: object) -> bytes | None:
    return bytes(body) if isinstance(body, bytes) else None
