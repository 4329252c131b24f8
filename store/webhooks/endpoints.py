"""Registered webhook endpoints as they are looked up: the fold of their stream, with the URL beside it."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from time import monotonic
from typing import ClassVar

import structlog
from pymongo import ASCENDING, IndexModel

from domain.errors import ErrorCode, ExemplarError
from domain.webhooks.endpoint import Endpoint
from store.errors import StoreUnavailableError
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, reachable
from store.mongo.transactions import Session

NONE_SECONDS = 5.0
_KEPT = 4096

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """A URL and its salted hash; the log contains only the hash."""

    digest: str
    url: str = field(repr=False)
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegisteredEndpoint:
    """An endpoint with what is kept beside the log; `failing_since` is the first failure after a success."""

    endpoint: Endpoint
    url: str = field(repr=False)
    description: str | None = field(repr=False)
    failing_since: datetime | None = None


class WebhookEndpoints:
    """Endpoints in collection `webhook_endpoints`, written in the transactions of their events.

    `slot` is the endpoint's number within its project. Whether a project has one is remembered for five seconds,
    unless this process learns of an endpoint sooner.
    """

    indexes: ClassVar[Indexes] = {
        "webhook_endpoints": [IndexModel([("project", ASCENDING), ("slot", ASCENDING)], unique=True)]
    }

    def __init__(self, database: Database) -> None:
        self._rows = database.get_collection("webhook_endpoints")
        self._of_projects: Batcher[str, list[Document]] = Batcher(self._find)
        self._known: dict[str, tuple[float, bool]] = {}  # until when, and whether there is none
        self._changes = 0
        self._looking: set[asyncio.Task[None]] = set()

    async def insert(
        self, endpoint: Endpoint, url: EndpointUrl, description: str | None, *, limit: int, session: Session
    ) -> None:
        """Keep a new endpoint; ExemplarError `webhook_limit_exceeded` when its project has `limit`.

        Of simultaneous registrations in one slot all but one are repeated: the slot is unique.
        """
        # find, not distinct: a transaction cannot use distinct on a sharded collection
        rows = self._rows.find({"project": endpoint.project}, {"slot": 1}, session=session)
        taken = {row["slot"] async for row in rows}
        if len(taken) >= limit:
            sentence = f"Maximum of {limit} webhook endpoints reached. Remove one first."
            raise ExemplarError(ErrorCode.WEBHOOK_LIMIT, sentence)
        row = {
            "_id": endpoint.id,
            "project": endpoint.project,
            "slot": next(number for number in range(limit) if number not in taken),
            "endpoint": asdict(endpoint),
            "description": description,
            "failing_since": None,
        }
        await self._rows.insert_one({**row, **_address(url)}, session=session)

    async def write(self, before: Endpoint, endpoint: Endpoint, url: EndpointUrl | None, session: Session) -> None:
        """Write the fold, and a changed URL; delete a removed endpoint."""
        if endpoint.removed:
            await self._rows.delete_one({"_id": endpoint.id}, session=session)
            return
        fields = {"endpoint": asdict(endpoint), **(_address(url) if url else {})}
        if before.disabled and not endpoint.disabled:  # old failures do not count
            fields["failing_since"] = None
        await self._rows.update_one({"_id": endpoint.id}, {"$set": fields}, session=session)

    async def describe(self, endpoint_id: str, description: str | None) -> None:
        """Keep another description."""
        await self._set({"_id": endpoint_id}, description=description)

    async def get(self, endpoint_id: str) -> RegisteredEndpoint | None:
        with reachable():
            found = await self._rows.find_one({"_id": endpoint_id})
        return _registered(found) if found else None

    async def require(self, project: str, endpoint_id: str) -> RegisteredEndpoint:
        """Read an endpoint of a project; ExemplarError `not_found` for another's."""
        registered = await self.get(endpoint_id)
        if registered is None or registered.endpoint.project != project:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return registered

    async def of_project(self, project: str, *, recent: bool = False) -> Sequence[RegisteredEndpoint]:
        """List a project's endpoints, the oldest first; with `recent` "none" may be remembered."""
        if recent and self.lacks(project):
            return []
        with reachable():
            found = await self._of_projects.put(project)
        return sorted(map(_registered, found), key=lambda one: (one.endpoint.created_at, one.endpoint.id))

    def lacks(self, project: str) -> bool:
        """Tell whether a project is remembered to have no endpoint."""
        until, none = self._known.get(project, (0.0, False))
        return none and monotonic() < until

    def look_up(self, project: str) -> None:
        """Read in the background whether a project has an endpoint, unless that is remembered; raises nothing."""
        until, _ = self._known.get(project, (0.0, False))
        if monotonic() >= until:
            task = asyncio.create_task(self._look_up(project))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    async def of_projects(self, projects: Collection[str]) -> Collection[str]:
        """Choose the projects that have an endpoint, and remember the others."""
        with reachable():
            return {row["project"] for rows in await self._find([*projects]) for row in rows}

    def forget_none(self, project: str) -> None:
        """Read a project's endpoints next time: one was registered or changed."""
        self._changes += 1
        self._known.pop(project, None)

    async def failed(self, endpoint_id: str, now: datetime) -> datetime:
        """Record a failure; return since when there was no success."""
        await self._set({"_id": endpoint_id, "failing_since": None}, failing_since=now)
        found = await self.get(endpoint_id)
        return (found and found.failing_since) or now

    async def succeeded(self, endpoint_id: str) -> None:
        """Record a success."""
        await self._set({"_id": endpoint_id}, failing_since=None)

    async def _look_up(self, project: str) -> None:
        try:
            with reachable():
                await self._of_projects.put(project)
        except StoreUnavailableError as error:
            log.debug("endpoints_not_looked_up", project=project, error=type(error).__name__)

    async def _find(self, projects: Sequence[str]) -> Sequence[list[Document]]:
        changes = self._changes
        found = await self._rows.find({"project": {"$in": list(set(projects))}}).to_list(None)
        having = {row["project"] for row in found}
        for project in projects:
            if project in having or changes == self._changes:  # else an endpoint may be newer than "none"
                self._remember(project, none=project not in having)
        return [[row for row in found if row["project"] == project] for project in projects]

    def _remember(self, project: str, *, none: bool) -> None:
        """Remember an answer, but no "none" that may be older than the endpoint that another read has found."""
        until, had_none = self._known.get(project, (0.0, True))
        if none and not had_none and monotonic() < until:
            return
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[project] = monotonic() + NONE_SECONDS, none

    async def _set(self, query: Document, **fields: object) -> None:
        with reachable():
            await self._rows.update_one(query, {"$set": fields})


def _address(url: EndpointUrl) -> Document:
    return {"url": url.url, "salt": url.salt}


def _registered(row: Document) -> RegisteredEndpoint:
    endpoint = Endpoint(**row["endpoint"])
    return RegisteredEndpoint(endpoint, row["url"], row["description"], row["failing_since"])
