from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from pymongo import ASCENDING, IndexModel

from domain.webhooks.endpoint import Endpoint
from store.accounts.slots import insert_in_slot
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, reachable
from store.webhooks.endpoints import Address, Registered

_ABANDONED = timedelta(minutes=10)
_KNOWN: Document = {"version": {"$gt": 0}}


class MongoEndpoints:
    """Endpoints in collection `webhook_endpoints`: the fold, `addresses.<digest>` and a description."""

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
        address: Address,
        description: str | None,
        *,
        limit: int,
        now: datetime,
    ) -> None:
        abandoned = {"project": project, "version": 0, "created_at": {"$lt": now - _ABANDONED}}
        with reachable():
            await self._rows.delete_many(abandoned)
        document = {
            "_id": endpoint_id,
            "project": project,
            "version": 0,
            "addresses": {address.digest: {"url": address.url, "salt": address.salt}},
            "description": description,
            "created_at": now,
            "failing_since": None,
        }
        await insert_in_slot(self._rows, document, owner={"project": project}, limit=limit)

    async def describe(
        self, endpoint_id: str, *, address: Address | None, personal_data: Mapping[str, str | None]
    ) -> None:
        fields: Document = dict(personal_data)
        if address is not None:
            fields[f"addresses.{address.digest}"] = {"url": address.url, "salt": address.salt}
        if fields:
            with reachable():
                await self._rows.update_one({"_id": endpoint_id}, {"$set": fields})

    async def write(self, endpoint: Endpoint) -> None:
        with reachable():
            if endpoint.removed:
                await self._rows.delete_one({"_id": endpoint.id})
                return
            older = {"_id": endpoint.id, "version": {"$lt": endpoint.version}}
            if endpoint.disabled is None:  # enabled again: old failures count no more
                fresh = {**_fields(endpoint), "failing_since": None}
                await self._rows.update_one({**older, "disabled": {"$nin": [None]}}, {"$set": fresh})
            await self._rows.update_one(older, {"$set": _fields(endpoint)})

    async def get(self, endpoint_id: str) -> Registered | None:
        with reachable():
            found = await self._rows.find_one({"_id": endpoint_id, **_KNOWN})
        return _registered(found) if found else None

    async def of_project(self, project: str) -> Sequence[Registered]:
        with reachable():
            found = await self._of_projects.put(project)
        return [_registered(row) for row in sorted(found, key=lambda row: (row["created_at"], row["_id"]))]

    async def _find(self, projects: Sequence[str]) -> Sequence[list[Document]]:
        query = {"project": {"$in": list(set(projects))}, **_KNOWN}
        found = await self._rows.find(query).to_list(None)
        return [[row for row in found if row["project"] == project] for project in projects]

    async def failed(self, endpoint_id: str, now: datetime) -> datetime:
        with reachable():
            await self._rows.update_one(
                {"_id": endpoint_id, "failing_since": None}, {"$set": {"failing_since": now}}
            )
            found = await self._rows.find_one({"_id": endpoint_id}, {"failing_since": 1})
        return (found or {}).get("failing_since") or now

    async def succeeded(self, endpoint_id: str) -> None:
        with reachable():
            await self._rows.update_one({"_id": endpoint_id}, {"$set": {"failing_since": None}})


def _fields(endpoint: Endpoint) -> Document:
    return {
        "version": endpoint.version,
        "developer": endpoint.developer,
        "digest": endpoint.url,
        # As pairs: the names of types have dots, which are paths in an update.
        "listens": [{"type": name, "since": since} for name, since in endpoint.listens.items()],
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
        "disabled": endpoint.disabled,
    }


def _registered(document: Document) -> Registered:
    address = document["addresses"][document["digest"]]
    endpoint = Endpoint(
        id=document["_id"],
        version=document["version"],
        developer=document["developer"],
        project=document["project"],
        url=document["digest"],
        listens={pair["type"]: pair["since"] for pair in document["listens"]},
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        disabled=document["disabled"],
    )
    return Registered(
        endpoint, address["url"], bytes(address["salt"]), document["description"], document["failing_since"]
    )
