from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import ClassVar, Final

from pymongo import ASCENDING, IndexModel

from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, aggregate, raises_unavailable

_WAITING: Final[Document] = {"discarded": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """One commit that waits for its next try; `error` is the `fault_name` of the last exception.

    discarded: the event by which an operator gave it up; then it is not tried any more.
    """

    subscriber: str
    position: int
    commit: str
    error: str
    tries: int
    since: datetime
    due_at: datetime
    discarded: str | None = None


@raises_unavailable
class Parking:
    """Parked commits in collection `parked`, by subscriber and position; none when all is well."""

    indexes: ClassVar[Indexes] = {"parked": [IndexModel([("subscriber", ASCENDING), ("due_at", ASCENDING)])]}

    def __init__(self, database: Database) -> None:
        self._parked = database.get_collection("parked")
        self._any_due: Batcher[tuple[str, datetime], bool] = Batcher(self._are_due)

    async def park(self, parked: Parked) -> None:
        """Add one or change it, unless it was discarded meanwhile; repeatable."""
        fields = asdict(parked)
        del fields["discarded"]
        await self._parked.update_one({"_id": _id(parked.subscriber, parked.position)}, {"$set": fields}, upsert=True)

    async def due(self, subscriber: str, now: datetime, *, limit: int) -> Sequence[Parked]:
        """Read what a subscriber may try again now, the longest due first.

        Subscribers that ask at the same time share the question whether there is anything at all.
        """
        if not await self._any_due.put((subscriber, now)):
            return []
        return await self._read({"subscriber": subscriber, "due_at": {"$lte": now}, **_WAITING}, limit)

    async def release(self, subscriber: str, position: int) -> None:
        """Delete one that was handled; repeatable."""
        await self._parked.delete_one({"_id": _id(subscriber, position)})

    async def all(self, *, limit: int = 1000) -> Sequence[Parked]:
        """Read what is parked for any subscriber and not discarded, the longest due first."""
        return await self._read(_WAITING, limit)

    async def counts(self) -> Mapping[str, int]:
        """Count what is parked for each subscriber and not discarded; those without any are left out."""
        stages: list[Document] = [{"$match": _WAITING}, {"$group": {"_id": "$subscriber", "count": {"$sum": 1}}}]
        return {one["_id"]: one["count"] for one in await aggregate(self._parked, stages)}

    async def of(self, subscriber: str) -> Sequence[Parked]:
        """Read everything that is parked for a subscriber, also what was discarded."""
        return await self._read({"subscriber": subscriber}, 0)

    async def _are_due(self, asked: Sequence[tuple[str, datetime]]) -> Sequence[bool]:
        """Tell for each subscriber and time whether any of these subscribers has something that is due by then."""
        queries = [{"subscriber": subscriber, "due_at": {"$lte": now}, **_WAITING} for subscriber, now in asked]
        found = await self._parked.find_one(queries[0] if len(queries) == 1 else {"$or": queries}, {"_id": 1})
        return [found is not None] * len(asked)

    async def _read(self, query: Document, limit: int) -> Sequence[Parked]:
        found = self._parked.find(query, {"_id": 0}).sort("due_at", ASCENDING).limit(limit)
        return [Parked(**document) for document in await found.to_list(limit or None)]


def _id(subscriber: str, position: int) -> str:
    return f"{subscriber}:{position}"
