from collections.abc import Collection, Sequence
from typing import Final

from store.log.mongo_sealed_log import last_position
from store.mongo.connection import Database, raises_unavailable

_FEW: Final = 200


@raises_unavailable
class SealedPrefix:
    """Tell which commits belong to the sealed log up to a position."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._log = database.get_collection("log")
        self._far = -1  # the last position that many follow

    async def head(self) -> int:
        """Read the last position; 0 for an empty log."""
        return await last_position(self._database)

    async def within(self, commit_ids: Sequence[str], last: int) -> Collection[str]:
        """Choose the commits that have a position up to `last`.

        An index alone tells which have a position at all; so where few follow `last`, these are left out of them.
        """
        named = {"commit": {"$in": list(commit_ids)}}
        if last > self._far:
            sealed = await self._log.find(named, {"_id": 0, "commit": 1}).to_list(None)
            behind = await self._log.find({"_id": {"$gt": last}}, {"commit": 1}).limit(_FEW).to_list(None)
            if len(behind) < _FEW:
                return {entry["commit"] for entry in sealed} - {entry["commit"] for entry in behind}
            self._far = last
        return {entry["commit"] for entry in await self._log.find({**named, "_id": {"$lte": last}}).to_list(None)}
