"""How long recent generations held their slots; waits for a slot and ends are estimated from it."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from pymongo import ASCENDING, DESCENDING, IndexModel

from store.mongo.connection import Database, Document, Indexes, raises_unavailable

Durations = Callable[[str], Awaitable[Sequence[float]]]

_TIMES = [("created_at", DESCENDING), ("finished_at", DESCENDING), ("slot_at", DESCENDING)]
_ENDED: Document = {"finished_at": {"$type": "date"}}
_LIMIT = 500
_ENOUGH = 200
EVERYONE = ""
"""In place of a developer: the generations of all developers."""
_FRESH_SECONDS = 15.0
_CAPACITY = 10_000


async def no_durations(_: str) -> Sequence[float]:
    """Report no durations."""
    return ()


@raises_unavailable
class RecentDurations:
    """For how many seconds a developer's 500 newest generations that have ended held their slots, by their rows.

    Those that never got one are left out. With fewer than 200 of them, those of all developers are added. Cached for
    15 seconds.
    """

    indexes: ClassVar[Indexes] = {
        "generations": [
            IndexModel([("developer", ASCENDING), *_TIMES], name="held_by_developer"),
            IndexModel(_TIMES, name="held", partialFilterExpression=_ENDED),
        ]
    }

    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rows = database.get_collection("generations")
        self._monotonic = monotonic
        self._cached: dict[str | None, tuple[float, Sequence[float]]] = {}

    async def __call__(self, developer: str) -> Sequence[float]:
        """Read a developer's durations."""
        own = await self._fresh(developer, {"developer": developer})
        return own if len(own) >= _ENOUGH else [*own, *await self._fresh(None, {})]

    async def _fresh(self, key: str | None, query: Document) -> Sequence[float]:
        now = self._monotonic()
        cached = self._cached.get(key)
        if cached is not None and now - cached[0] < _FRESH_SECONDS:
            return cached[1]
        if len(self._cached) >= _CAPACITY:
            self._cached.clear()
        durations = await self._read(query)
        self._cached[key] = now, durations
        return durations

    async def _read(self, query: Document) -> Sequence[float]:
        ended = {**query, **_ENDED}
        fields = {"_id": 0, "created_at": 1, "finished_at": 1, "slot_at": 1}
        found = self._rows.find(ended, fields).sort("created_at", DESCENDING).limit(_LIMIT)
        documents = await found.to_list(_LIMIT)
        held = [(row["finished_at"] - (row.get("slot_at") or row["created_at"])).total_seconds() for row in documents]
        return [seconds for seconds in held if seconds > 0]
