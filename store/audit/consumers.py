from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pymongo import ReturnDocument

from domain.errors import ErrorCode, ExemplarError
from store.mongo.connection import Database, Document, raises_unavailable

CONSUMERS_OF_OWNER: Final = 20


@dataclass(frozen=True, slots=True)
class Consumer:
    """A name under which a reader keeps a position in the sealed log."""

    name: str
    position: int
    created_at: datetime
    updated_at: datetime


@raises_unavailable
class Consumers:
    """Consumers in collection `audit_consumers`; `_id` is owner and name, so the owner's are a range of ids."""

    def __init__(self, database: Database) -> None:
        self._consumers = database.get_collection("audit_consumers")

    async def of(self, owner: str) -> Sequence[Consumer]:
        """List the consumers of an owner by name."""
        found = self._consumers.find(owned_by(owner)).sort("_id", 1)
        return [_consumer(document) for document in await found.to_list(None)]

    async def find(self, owner: str, name: str) -> Consumer | None:
        document = await self._consumers.find_one({"_id": f"{owner}/{name}"})
        return None if document is None else _consumer(document)

    async def move(self, owner: str, name: str, position: int, now: datetime) -> Consumer:
        """Set a position, of a new consumer too; `consumer_limit_exceeded` for one too many."""
        if await self.find(owner, name) is None:
            others = await self._consumers.count_documents(owned_by(owner), limit=CONSUMERS_OF_OWNER)
            if others >= CONSUMERS_OF_OWNER:
                raise ExemplarError(ErrorCode.CONSUMER_LIMIT)
        change = {"$set": {"position": position, "updated_at": now}, "$setOnInsert": {"created_at": now}}
        document = await self._consumers.find_one_and_update(
            {"_id": f"{owner}/{name}"}, change, upsert=True, return_document=ReturnDocument.AFTER
        )
        return _consumer(document)

    async def acknowledge(self, owner: str, name: str, position: int, now: datetime) -> Consumer | None:
        """Move forward to a position, never back; None for an unknown consumer."""
        change = {"$max": {"position": position}, "$set": {"updated_at": now}}
        document = await self._consumers.find_one_and_update(
            {"_id": f"{owner}/{name}"}, change, return_document=ReturnDocument.AFTER
        )
        return None if document is None else _consumer(document)

    async def delete(self, owner: str, name: str) -> bool:
        return bool((await self._consumers.delete_one({"_id": f"{owner}/{name}"})).deleted_count)


def owned_by(owner: str) -> Document:
    """Write the query of an owner's consumers."""
    return {"_id": {"$gte": f"{owner}/", "$lt": f"{owner}0"}}  # "0" follows "/"


def _consumer(document: Document) -> Consumer:
    _, _, name = document["_id"].partition("/")
    return Consumer(name, document["position"], document["created_at"], document["updated_at"])
