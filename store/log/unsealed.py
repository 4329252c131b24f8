from datetime import datetime

from pymongo import ASCENDING

from store.mongo.connection import Database, raises_unavailable


@raises_unavailable
class OldestUnsealed:
    """The commit that has waited longest for its position, by the index of those."""

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")

    async def __call__(self) -> datetime | None:
        """Tell when it was written; None when all commits are sealed."""
        found = await self._commits.find_one({"unsealed": True}, {"_id": 0, "time": 1}, sort=[("time", ASCENDING)])
        return found.get("time") if found else None
