from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from pymongo import ASCENDING, DESCENDING

from domain.audit.terms import term, values_of
from domain.generation.generation import id_of
from domain.webhooks.endpoint import stream_of_endpoint
from events.commit import Commit
from store.log.entries import commits_of
from store.log.mongo_sealed_log import last_position
from store.mongo.connection import Database, Document, raises_unavailable

_TERMS: Final = [("terms", ASCENDING), ("_id", ASCENDING)]
_MOST_OF_REQUEST: Final = 1000
_MOST_BEHIND: Final = 1000


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A commit at its sealed position, with the project and the user that it belongs to; no user: of an endpoint.

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
        self,
        *,
        projects: Collection[str],
        user: str | None,
        first: int,
        last: int,
        limit: int,
        webhooks_of: Collection[str] = (),
    ) -> list[FeedEntry]:
        """Read the commits of projects, or of one user in them, from position `first` to `last`, in order.

        webhooks_of: projects of which those of webhook endpoints are read as well. One that cannot be read is logged
        and blocks no other.
        """
        owner, positions = _owner(projects, user), {"_id": {"$gte": first, "$lte": last}}
        either = [owner | positions, _of_endpoints(webhooks_of) | positions]
        found = self._log.find({"$or": either} if webhooks_of else either[0])
        entries = await found.sort("_id", ASCENDING).limit(limit).to_list(limit)
        commits = await commits_of(self._commits, entries)
        return [
            FeedEntry(entry["_id"], _project(entry), entry.get("user", ""), *commits[entry["commit"]])
            for entry in entries
        ]

    async def behind(self, project: str, first: int) -> int:
        """Count the commits of a project from a position on, at most 1000."""
        query = {"project": project, "_id": {"$gte": first}}
        return int(await self._log.count_documents(query, limit=_MOST_BEHIND))

    async def generations_of(self, project: str, request_id: str) -> list[str]:
        """List the generations of a project with events that a request led to, at most 1000."""
        named = {"terms": term("request_id", request_id), "project": project}
        streams = await self._log.find(named, {"stream": 1}).hint(_TERMS).limit(10 * _MOST_OF_REQUEST).to_list(None)
        ids = dict.fromkeys(id_of(entry["stream"]) for entry in streams)
        return [*ids][:_MOST_OF_REQUEST]

    async def latest(self, *, project: str, user: str | None, last: int, limit: int) -> Sequence[str]:
        """Name the streams of the newest `limit` commits up to position `last`, the newest first."""
        found = self._log.find({**_owner([project], user), "_id": {"$lte": last}}, {"stream": 1})
        entries = await found.sort("_id", DESCENDING).limit(limit).to_list(limit)
        return list(dict.fromkeys(entry["stream"] for entry in entries))


def _owner(projects: Collection[str], user: str | None) -> Document:
    names: Document = {"project": {"$in": list(projects)} if len(projects) != 1 else next(iter(projects))}
    return names if user is None else {**names, "user": user}


def _of_endpoints(projects: Collection[str]) -> Document:
    """Write the query of the commits of endpoints, which only their terms name an owner of."""
    owners = [term("project", project) for project in projects]
    return {"terms": {"$in": owners}, "stream": {"$regex": f"^{stream_of_endpoint('')}"}}


def _project(entry: Document) -> str:
    return str(entry.get("project") or next(iter(values_of(entry["terms"], "project")), ""))
