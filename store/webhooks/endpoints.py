"""Registered webhook endpoints as they are looked up: the fold of their stream, with the URL beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from domain.webhooks.endpoint import Endpoint
from store.errors import AlreadyExistsError, StoreError
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, reachable

_ABANDONED_AFTER = timedelta(minutes=10)
_RECORDED: Document = {"version": {"$gt": 0}}


class LimitReachedError(StoreError):
    """The project has as many endpoints as allowed."""


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """A URL with its salted hash, which stands for it in the log."""

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
    """Endpoints in collection `webhook_endpoints`: the fold, `urls.<digest>` and a description."""

    indexes: ClassVar[Indexes] = {
        "webhook_endpoints": [IndexModel([("project", ASCENDING), ("slot", ASCENDING)], unique=True)]
    }

    def __init__(self, database: Database) -> None:
        self._rows = database.get_collection("webhook_endpoints")
        self._of_projects: Batcher[str, list[Document]] = Batcher(self._find)

    async def reserve(
        self,
        endpoint_id: str,
        project: str,
        url: EndpointUrl,
        description: str | None,
        *,
        limit: int,
        now: datetime,
    ) -> None:
        """Keep URL and description of a new endpoint; raises LimitReachedError when the project is full."""
        abandoned = {"project": project, "version": 0, "created_at": {"$lt": now - _ABANDONED_AFTER}}
        with reachable():
            await self._rows.delete_many(abandoned)
        document = {
            "_id": endpoint_id,
            "project": project,
            "version": 0,
            "urls": {url.digest: _without_digest(url)},
            "description": description,
            "created_at": now,
            "failing_since": None,
        }
        while not await self._insert_in_slot(document, limit):
            pass  # another registration took the slot

    async def describe(
        self, endpoint_id: str, *, url: EndpointUrl | None, personal_data: Mapping[str, str | None]
    ) -> None:
        """Keep another URL beside the current one, and other personal data."""
        fields: Document = dict(personal_data)
        if url is not None:
            fields[f"urls.{url.digest}"] = _without_digest(url)
        if fields:
            with reachable():
                await self._rows.update_one({"_id": endpoint_id}, {"$set": fields})

    async def write(self, endpoint: Endpoint) -> None:
        """Write the fold if it is newer; delete a removed endpoint."""
        with reachable():
            if endpoint.removed:
                await self._rows.delete_one({"_id": endpoint.id})
                return
            older = {"_id": endpoint.id, "version": {"$lt": endpoint.version}}
            if endpoint.disabled is None:  # enabled again: old failures do not count
                fresh = {**_fields(endpoint), "failing_since": None}
                await self._rows.update_one({**older, "disabled": {"$nin": [None]}}, {"$set": fresh})
            await self._rows.update_one(older, {"$set": _fields(endpoint)})

    async def get(self, endpoint_id: str) -> RegisteredEndpoint | None:
        with reachable():
            found = await self._rows.find_one({"_id": endpoint_id, **_RECORDED})
        return _registered(found) if found else None

    async def of_project(self, project: str) -> Sequence[RegisteredEndpoint]:
        """List a project's endpoints, the oldest first."""
        with reachable():
            found = await self._of_projects.put(project)
        return [_registered(row) for row in sorted(found, key=lambda row: (row["created_at"], row["_id"]))]

    async def _insert_in_slot(self, document: Document, limit: int) -> bool:
        """Insert in the smallest free slot of the project, which is unique; False when it was taken."""
        with reachable():
            taken = await self._rows.distinct("slot", {"project": document["project"]})
            if len(taken) >= limit:
                raise LimitReachedError(f"the limit of {limit} is reached")
            slot = next(number for number in range(limit) if number not in taken)
            try:
                await self._rows.insert_one({**document, "slot": slot})
            except DuplicateKeyError as error:
                if "slot" not in (error.details or {}).get("keyPattern", {}):
                    raise AlreadyExistsError(document["_id"]) from None
                return False
        return True

    async def _find(self, projects: Sequence[str]) -> Sequence[list[Document]]:
        query = {"project": {"$in": list(set(projects))}, **_RECORDED}
        found = await self._rows.find(query).to_list(None)
        return [[row for row in found if row["project"] == project] for project in projects]

    async def failed(self, endpoint_id: str, now: datetime) -> datetime:
        """Record a failure; return since when there was no success."""
        with reachable():
            await self._rows.update_one(
                {"_id": endpoint_id, "failing_since": None}, {"$set": {"failing_since": now}}
            )
            found = await self._rows.find_one({"_id": endpoint_id}, {"failing_since": 1})
        return (found or {}).get("failing_since") or now

    async def succeeded(self, endpoint_id: str) -> None:
        """Record a success."""
        with reachable():
            await self._rows.update_one({"_id": endpoint_id}, {"$set": {"failing_since": None}})


def _without_digest(url: EndpointUrl) -> Document:
    return {"url": url.url, "salt": url.salt}


def _fields(endpoint: Endpoint) -> Document:
    fields = asdict(endpoint)
    for name in ("id", "project", "removed"):
        del fields[name]
    # As pairs: the names of types have dots, which are paths in an update.
    types = [{"type": name, "since": since} for name, since in endpoint.event_types.items()]
    return {**fields, "event_types": types}


def _registered(document: Document) -> RegisteredEndpoint:
    endpoint = Endpoint(
        id=document["_id"],
        event_types={pair["type"]: pair["since"] for pair in document["event_types"]},
        **{name: document[name] for name in _AS_THEY_ARE},
    )
    url = document["urls"][endpoint.url]["url"]
    return RegisteredEndpoint(endpoint, url, document["description"], document["failing_since"])


_AS_THEY_ARE = ("version", "developer", "project", "url", "created_at", "updated_at", "disabled")
