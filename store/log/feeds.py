from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pymongo import ASCENDING, DESCENDING

from events.commit import Commit
from store.log.entries import commits_of
from store.log.mongo_sealed_log import last_position
from store.mongo.connection import Database, Document, raises_unavailable


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A commit at its sealed position, with the project and the user that it belongs to.

    commit: None for a damaged one, and for a `newer` one, which only newer code can read.
    """

    position: int
    project: str
    user: str
    commit: Commit | None
    newer: bool = False


@raises_unavailable
class Feeds:
    """Read sealed commits by owner; an index on the owner answers every query."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._commits = database.get_collection("commits")
        self._log = database.get_collection("log")

    async def head(self) -> int:
        """Read the last position; 0 for an empty log."""
        return await last_position(self._database)

    async def read(
        self, *, projects: Collection[str], user: str | None, first: int, last: int, limit: int
    ) -> list[FeedEntry]:
        """Read the commits of projects, or of one user in them, from position `first` to `last`, in order.

        One that cannot be read is logged and blocks no other.
        """
        owner = _owner(projects, user)
        found = self._log.find({**owner, "_id": {"$gte": first, "$lte": last}})
        entries = await found.sort("_id", ASCENDING).limit(limit).to_list(limit)
        commits = await commits_of(self._commits, entries)
        return [
            FeedEntry(entry["_id"], entry["project"], entry.get("user", ""), *commits[entry["commit"]])
            for entry in entries
        ]

    async def latest(self, *, project: str, user: str | None, last: int, limit: int) -> Sequence[str]:
        """Name the streams of the newest `limit` commits up to position `last`, the newest first."""
        found = self._log.find({**_owner([project], user), "_id": {"$lte": last}}, {"stream": 1})
        entries = await found.sort("_id", DESCENDING).limit(limit).to_list(limit)
        return list(dict.fromkeys(entry["stream"] for entry in entries))


def _owner(projects: Collection[str], user: str | None) -> Document:
    names: Document = {"project": {"$in": list(projects)} if len(projects) != 1 else next(iter(projects))}
    return names if user is None else {**names, "user": user}
