import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING

from events.operation import FailedSource
from store.failed.failed_work import FailedWork
from store.mongo.connection import Database, Document, raises_unavailable


@raises_unavailable
class ParkedWork:
    """The commits in collection `parked` as operators handle them; subscribers use `Parking`."""

    source: FailedSource = "parked"

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._parked = database.get_collection("parked")
        self._clock = clock

    async def page(
        self, *, limit: int, after: str | None = None, handler: str | None = None, discarded: bool = False
    ) -> Sequence[FailedWork]:
        query: Document = {"discarded": {"$ne": None} if discarded else None}
        query |= {"_id": {"$gt": after}} if after else {}
        query |= {"subscriber": handler} if handler else {}
        return await self._read(query, limit)

    async def choose(self, ids: Sequence[str]) -> Sequence[FailedWork]:
        return await self._read({"_id": {"$in": list(ids)}, "discarded": None}, len(ids))

    async def get(self, entry: str) -> FailedWork | None:
        return next(iter(await self._read({"_id": entry}, 1)), None)

    async def of_streams(self, streams: Sequence[str], *, limit: int) -> Sequence[FailedWork]:
        """Read what is parked of the commits of some streams."""
        patterns = [re.compile(f"^{re.escape(stream)}:") for stream in streams]
        return await self._read({"commit": {"$in": patterns}}, limit) if patterns else []

    async def replay(self, ids: Sequence[str]) -> None:
        """Make entries due now; those that are due already stay so."""
        query = {"_id": {"$in": list(ids)}, "discarded": None}
        await self._parked.update_many(query, {"$min": {"due_at": self._clock()}})

    async def discard(self, ids: Sequence[str], event: str) -> None:
        await self._parked.update_many({"_id": {"$in": list(ids)}, "discarded": None}, {"$set": {"discarded": event}})

    async def _read(self, query: Document, limit: int) -> Sequence[FailedWork]:
        found = self._parked.find(query).sort("_id", ASCENDING).limit(limit)
        return [_entry(document) for document in await found.to_list(limit)]


def _entry(document: Document) -> FailedWork:
    named: dict[str, Any] = {"request_id": None, "discarded": document.get("discarded"), "last_at": None}
    return FailedWork(
        id=document["_id"],
        handler=document["subscriber"],
        commit=document["commit"],
        error=document["error"],
        tries=document["tries"],
        since=document["since"],
        next_try_at=document["due_at"],
        **named,
    )
