import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from store.generations.projection import ALWAYS
from store.mongo.connection import Database, aggregate, raises_unavailable

_MOST: Final = 20_000


class Resting(NamedTuple):
    """The generations in one state: how many, up to 20,000, and the `due_at` of that which is due first."""

    number: int
    due_at: datetime | None


@raises_unavailable
class RestingGenerations:
    """What is left to do in each state, by the index of what is due alone."""

    def __init__(self, database: Database) -> None:
        self._rows = database.get_collection("generations")

    async def __call__(self, states: Collection[str]) -> Mapping[str, Resting]:
        """Read the count and the first `due_at` of each state."""
        found = await asyncio.gather(*map(self._of, states))
        return dict(zip(states, found, strict=True))

    async def _of(self, state: str) -> Resting:
        stages: list[dict[str, Any]] = [
            {"$match": {"state": state, "due_at": {"$gt": ALWAYS}}},
            {"$limit": _MOST},
            {"$group": {"_id": None, "count": {"$sum": 1}, "first": {"$min": "$due_at"}}},
        ]
        found = await aggregate(self._rows, stages, hint="due")
        return Resting(found[0]["count"], found[0]["first"]) if found else Resting(0, None)
