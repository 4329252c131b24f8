from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from pymongo import IndexModel

from domain.generation.generation import id_of
from domain.generation.listing import Scope
from store.mongo.connection import Database, Document, Indexes, raises_unavailable

_LONGEST = 500  # more than one client submits in the time that is asked for


@raises_unavailable
class NewestGenerations:
    """Name generations by the log itself, whose rows may not be written yet."""

    indexes: ClassVar[Indexes] = {
        "commits": [
            IndexModel(
                [("project", 1), ("time", -1), ("user", 1)],
                name="requested",
                partialFilterExpression={"first": 1, "project": {"$exists": True}},
            )
        ]
    }

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")

    async def since(self, time: datetime, scope: Scope) -> Sequence[str]:
        """List the ids of what was requested since a time, newest first, at most 500."""
        query: Document = {"project": scope.project, "first": 1, "time": {"$gte": time}}
        if scope.user is not None:
            query["user"] = scope.user
        found = self._commits.find(query, {"_id": 0, "stream": 1}, sort=[("time", -1)], limit=_LONGEST)
        return [id_of(commit["stream"]) for commit in await found.to_list(_LONGEST)]
