from collections.abc import Collection, Sequence

from store.log.mongo_sealed_log import last_position
from store.mongo.connection import Database, raises_unavailable


@raises_unavailable
class SealedPrefix:
    """Tell which commits belong to the sealed log up to a position."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._log = database.get_collection("log")

    async def head(self) -> int:
        """Read the last position; 0 for an empty log."""
        return await last_position(self._database)

    async def within(self, commit_ids: Sequence[str], last: int) -> Collection[str]:
        """Choose the commits that have a position up to `last`."""
        query = {"commit": {"$in": list(commit_ids)}, "_id": {"$lte": last}}
        return {entry["commit"] for entry in await self._log.find(query, {"commit": 1}).to_list(None)}
