from collections.abc import Sequence
from dataclasses import dataclass

from pymongo import DESCENDING

from domain.audit.checkpoints import ContradictionError
from events.commit import Commit
from store.commits.document import stored_commit
from store.commits.unreadable import UNREADABLE
from store.mongo.connection import Database, raises_unavailable


@dataclass(frozen=True, slots=True)
class FoundCommit:
    """The commit of an event with the terms of its position; none without a position."""

    commit: Commit
    terms: Sequence[str]


@raises_unavailable
class EventLookup:
    """Find the commit that an event belongs to."""

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")

    async def find(self, stream: str, version: int) -> FoundCommit | None:
        """Read the commit of an event; None for an unknown one, ContradictionError for a damaged commit."""
        query = {"stream": stream, "first": {"$lte": version}}
        document = await self._commits.find_one(query, sort=[("first", DESCENDING)])
        if document is None or document["last"] < version:
            return None
        entry = await self._log.find_one({"commit": document["_id"]}, {"terms": 1})
        try:
            return FoundCommit(stored_commit(document), entry["terms"] if entry else ())
        except UNREADABLE as error:
            raise ContradictionError(f"{document['_id']} cannot be read: {error}") from error
