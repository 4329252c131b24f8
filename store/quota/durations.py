"""For how long generations held their slots lately: the evidence behind `Retry-After` of full slots."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from pymongo import DESCENDING, IndexModel

from store.mongo.connection import Database, Document, Indexes, reachable

Durations = Callable[[str], Awaitable[Sequence[float]]]

_ENDED: Document = {"finished_at": {"$type": "date"}}
_NEWEST = [("finished_at", DESCENDING), ("created_at", DESCENDING)]
_MOST = 500
_ENOUGH = 200
_FRESH_SECONDS = 15.0
_REMEMBERED = 10_000


async def unknown(_: str) -> Sequence[float]:
    """Know of no generation that ended."""
    return ()


class RecentDurations:
    """Seconds from admission to the end of the last 500 generations of a developer, by the rows.

    Who has fewer than 200 gets those of all developers beside his own. Kept in memory for 15 seconds.
    """

    indexes: ClassVar[Indexes] = {
        "generations": [
            IndexModel(
                [("developer", DESCENDING), *_NEWEST], name="durations", partialFilterExpression=_ENDED
            ),
            IndexModel(_NEWEST, name="all_durations", partialFilterExpression=_ENDED),
        ]
    }

    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rows = database.get_collection("generations")
        self._monotonic = monotonic
        self._known: dict[str | None, tuple[float, Sequence[float]]] = {}

    async def __call__(self, developer: str) -> Sequence[float]:
        """Read a developer's durations."""
        own = await self._fresh(developer, {"developer": developer})
        return own if len(own) >= _ENOUGH else [*own, *await self._fresh(None, {})]

    async def _fresh(self, key: str | None, query: Document) -> Sequence[float]:
        now = self._monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < _FRESH_SECONDS:
            return known[1]
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        durations = await self._read(query)
        self._known[key] = now, durations
        return durations

    async def _read(self, query: Document) -> Sequence[float]:
        ended = {**query, **_ENDED}
        fields = {"_id": 0, "created_at": 1, "finished_at": 1}
        with reachable():
            found = self._rows.find(ended, fields).sort("finished_at", DESCENDING).limit(_MOST)
            documents = await found.to_list(_MOST)
        return [(row["finished_at"] - row["created_at"]).total_seconds() for row in documents]
