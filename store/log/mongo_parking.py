from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import ClassVar

from pymongo import ASCENDING, IndexModel

from store.log.parking import Parked
from store.mongo.connection import Database, Document, Indexes, reachable


class MongoParking:
    """Commits that a follower could not handle; empty when all is well."""

    indexes: ClassVar[Indexes] = {"parked": [IndexModel([("subscriber", ASCENDING), ("due_at", ASCENDING)])]}

    def __init__(self, database: Database) -> None:
        self._parked = database.get_collection("parked")

    async def park(self, one: Parked) -> None:
        """Keep or replace one; repeatable."""
        with reachable():
            await self._parked.replace_one(
                {"_id": _id(one.subscriber, one.position)}, asdict(one), upsert=True
            )

    async def due(self, subscriber: str, now: datetime, *, limit: int) -> Sequence[Parked]:
        """Read what a follower may try again now, the longest due first."""
        query = {"subscriber": subscriber, "due_at": {"$lte": now}}
        with reachable():
            found = await self._parked.find(query).sort("due_at", ASCENDING).limit(limit).to_list(limit)
        return [_parked(document) for document in found]

    async def release(self, subscriber: str, position: int) -> None:
        """Forget one that was handled; repeatable."""
        with reachable():
            await self._parked.delete_one({"_id": _id(subscriber, position)})

    async def all(self, *, limit: int = 1000) -> Sequence[Parked]:
        """Read what waits, of every follower, the longest due first."""
        with reachable():
            found = await self._parked.find().sort("due_at", ASCENDING).limit(limit).to_list(limit)
        return [_parked(document) for document in found]


def _id(subscriber: str, position: int) -> str:
    return f"{subscriber}:{position}"


def _parked(document: Document) -> Parked:
    return Parked(**{name: value for name, value in document.items() if name != "_id"})
