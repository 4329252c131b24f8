from datetime import datetime
from typing import Final, NamedTuple

from pymongo import ASCENDING

from store.generations.projection import ALWAYS
from store.mongo.connection import Database, raises_unavailable

_MOST: Final = 100_000


class Held(NamedTuple):
    """How many units are held, up to 100,000, and since when the oldest."""

    number: int
    since: datetime | None


@raises_unavailable
class HeldUnits:
    """The slots of all developers in collection `ledger`, by its index `since`."""

    def __init__(self, database: Database) -> None:
        self._ledger = database.get_collection("ledger")

    async def __call__(self) -> Held:
        """Count the slots and find the oldest."""
        query = {"since": {"$gt": ALWAYS}, "settled": {"$ne": True}}
        oldest = await self._ledger.find_one(query, {"since": 1}, sort=[("since", ASCENDING)])
        count = await self._ledger.count_documents({"since": {"$gt": ALWAYS}}, limit=_MOST, hint="since_1")
        return Held(count, oldest["since"] if oldest else None)
