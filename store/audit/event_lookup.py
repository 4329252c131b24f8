from collections.abc import Sequence
from dataclasses import dataclass

from pymongo import DESCENDING

from domain.audit.checkpoints import ContradictionError
from events.commit import Commit, leaf_hash
from store.audit.audit_entries import AuditEntries
from store.commits.document import stored_commit
from store.commits.unreadable import UNREADABLE, reason_of
from store.mongo.connection import Database, raises_unavailable


@dataclass(frozen=True, slots=True)
class FoundCommit:
    """The commit of an event with the terms of its events; none without a position."""

    commit: Commit
    terms: Sequence[str]


@raises_unavailable
class EventLookup:
    """Find the commit that an event belongs to."""

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")
        self._entries = AuditEntries(database)

    async def find(self, stream: str, version: int) -> FoundCommit | None:
        """Read the commit of an event; None for an unknown one, ContradictionError for a damaged commit."""
        query = {"stream": stream, "first": {"$lte": version}}
        document = await self._commits.find_one(query, sort=[("first", DESCENDING)])
        if document is None or document["last"] < version:
            return None
        try:
            commit = stored_commit(document)
        except UNREADABLE as error:
            raise ContradictionError(f"{document['_id']} cannot be read: {reason_of(error)}") from error
        entry = await self._log.find_one({"commit": document["_id"]}, {"leaf": 1})
        if entry is None:
            return FoundCommit(commit, ())
        if entry["leaf"] != leaf_hash(commit.body):
            raise ContradictionError(f"position {entry['_id']}: {commit.id} is not what was sealed", entry["_id"])
        return FoundCommit(commit, (await self._entries.terms_of(entry["_id"], commit)).all)
