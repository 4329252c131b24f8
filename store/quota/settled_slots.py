import asyncio

import structlog
from pymongo import WriteConcern
from pymongo.errors import PyMongoError

from store.mongo.connection import Database

_AFTER_S = 1.0

log = structlog.get_logger()


class SettledSlots:
    """Delete marked slots of the ledger, those of a second in one command.

    Nothing waits for it, and a deletion that is lost is repeated by the sweep.
    """

    def __init__(self, database: Database) -> None:
        self._ledger = database.get_collection("ledger", write_concern=WriteConcern(w=0))
        self._ids: list[str] = []
        self._deleting: asyncio.Task[None] | None = None

    def delete_soon(self, name: str) -> None:
        """Delete the slot with this `_id` in a second."""
        self._ids.append(name)
        if self._deleting is None or self._deleting.done():
            self._deleting = asyncio.create_task(self._delete())

    async def _delete(self) -> None:
        while self._ids:
            await asyncio.sleep(_AFTER_S)
            ids, self._ids = self._ids, []
            try:
                await self._ledger.delete_many({"_id": {"$in": ids}, "settled": True})
            except PyMongoError as error:
                log.warning("settled_slots_not_deleted", slots=len(ids), error=type(error).__name__)
