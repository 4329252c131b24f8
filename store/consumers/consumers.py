from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from pymongo import ReturnDocument

from domain.errors import ErrorCode, ExemplarError
from store.mongo.connection import Database, Document, raises_unavailable

NO_LEASE: Final = {"lease": "", "leased_until": "", "leased_to": ""}
"""The fields of a lease."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """A name under which a program keeps a position in the sealed log; `version`: within the commit there.

    lease: the token of the last lease; leased_to: position and version up to which its events go.
    """

    name: str
    position: int
    created_at: datetime
    updated_at: datetime
    version: int = 0
    lease: str | None = None
    leased_until: datetime | None = None
    leased_to: tuple[int, int] | None = None


@raises_unavailable
class Consumers:
    """Consumers in collection `audit_consumers`; `_id` is owner and name, so the owner's are a range of ids.

    The part of an owner before its slash has `most` consumers.
    """

    most: ClassVar[int] = 20

    def __init__(self, database: Database) -> None:
        self._consumers = database.get_collection("audit_consumers")

    async def of(self, owner: str) -> Sequence[Consumer]:
        """List the consumers of an owner by name."""
        found = self._consumers.find(owned_by(owner)).sort("_id", 1)
        return [consumer_of(document) for document in await found.to_list(None)]

    async def find(self, owner: str, name: str) -> Consumer | None:
        document = await self._consumers.find_one({"_id": f"{owner}/{name}"})
        return None if document is None else consumer_of(document)

    async def move(self, owner: str, name: str, position: int, now: datetime, *, version: int = 0) -> Consumer:
        """Set a position, of a new consumer too, and end its lease; `consumer_limit_exceeded` for one too many."""
        if await self.find(owner, name) is None:
            others = owned_by(owner.partition("/")[0])
            if await self._consumers.count_documents(others, limit=self.most) >= self.most:
                raise ExemplarError(ErrorCode.CONSUMER_LIMIT)
        moved = {"position": position, "version": version, "updated_at": now}
        change = {"$set": moved, "$setOnInsert": {"created_at": now}, "$unset": NO_LEASE}
        document = await self._consumers.find_one_and_update(
            {"_id": f"{owner}/{name}"}, change, upsert=True, return_document=ReturnDocument.AFTER
        )
        return consumer_of(document)

    async def acknowledge(self, owner: str, name: str, position: int, now: datetime) -> Consumer | None:
        """Move forward to a position, never back; None for an unknown consumer."""
        change = {"$max": {"position": position}, "$set": {"updated_at": now}}
        document = await self._consumers.find_one_and_update(
            {"_id": f"{owner}/{name}"}, change, return_document=ReturnDocument.AFTER
        )
        return None if document is None else consumer_of(document)

    async def delete(self, owner: str, name: str) -> bool:
        return bool((await self._consumers.delete_one({"_id": f"{owner}/{name}"})).deleted_count)


def owned_by(owner: str) -> Document:
    """Write the query of an owner's consumers."""
    return {"_id": {"$gte": f"{owner}/", "$lt": f"{owner}0"}}  # "0" follows "/"


def consumer_of(document: Document) -> Consumer:
    """Read a document."""
    leased_to = document.get("leased_to")
    return Consumer(
        name=document["_id"].rpartition("/")[2],
        position=document["position"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        version=document.get("version", 0),
        lease=document.get("lease"),
        leased_until=document.get("leased_until"),
        leased_to=None if leased_to is None else (leased_to[0], leased_to[1]),
    )
