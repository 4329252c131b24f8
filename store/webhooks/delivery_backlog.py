import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from store.mongo.connection import Database, raises_unavailable

_MOST: Final = 10_000
_AGES: Final[Mapping[str, tuple[timedelta | None, timedelta | None]]] = {
    "scheduled": (None, timedelta()),
    "under_10s": (timedelta(), timedelta(seconds=10)),
    "under_1m": (timedelta(seconds=10), timedelta(minutes=1)),
    "under_10m": (timedelta(minutes=1), timedelta(minutes=10)),
    "over_10m": (timedelta(minutes=10), None),
}
"""For how long a delivery has been due: at least, and less than."""


@raises_unavailable
class DeliveryBacklog:
    """Count the deliveries that are not over, by the index of those that are due."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._rows = database.get_collection("webhook_deliveries")
        self._clock = clock

    async def __call__(self) -> Mapping[str, int]:
        """Count by how long they have been due, up to 10,000 each."""
        now = self._clock()
        counts = await asyncio.gather(*(self._count(now, *bounds) for bounds in _AGES.values()))
        return dict(zip(_AGES, counts, strict=True))

    async def _count(self, now: datetime, at_least: timedelta | None, less: timedelta | None) -> int:
        due: dict[str, Any] = {}
        if at_least is not None:
            due["$lte"] = now - at_least
        if less is not None:
            due["$gt"] = now - less
        return await self._rows.count_documents({"state": "pending", "due_at": due}, limit=_MOST)
