import time
from collections.abc import Sequence

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, only_duplicates, raises_unavailable


@raises_unavailable
class MongoLeases:
    """Leases in collection `leases`, by the server's clock: a process's own clock may jump.

    A lease of which more than half is left is not renewed; its age is measured from before the request.
    Jobs that run at the same time share round trips.
    """

    def __init__(self, database: Database, *, holder: str) -> None:
        self._leases = database.get_collection("leases")
        self._holder = holder
        self._renew_at: dict[str, float] = {}
        self._takes: Batcher[tuple[str, float], bool] = Batcher(self._take)

    async def take(self, job: str, *, seconds: float) -> bool:
        asked = time.monotonic()
        if asked < self._renew_at.get(job, 0.0):
            return True
        held = await self._takes.put((job, seconds))
        self._renew_at[job] = asked + seconds / 2 if held else 0.0
        return held

    async def _take(self, wanted: Sequence[tuple[str, float]]) -> Sequence[bool]:
        jobs = [job for job, _ in wanted]
        try:
            await self._leases.bulk_write([self._taking(job, seconds) for job, seconds in wanted], ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):  # another holder began this job at the same moment
                raise
        found = await self._leases.find({"_id": {"$in": jobs}, "holder": self._holder}, {"_id": 1}).to_list(None)
        held = {lease["_id"] for lease in found}
        return [job in held for job in jobs]

    def _taking(self, job: str, seconds: float) -> UpdateOne:
        mine: Document = {"$literal": self._holder}
        free = {"$or": [{"$eq": ["$holder", mine]}, {"$lt": ["$until", "$$NOW"]}]}
        until = {"$add": ["$$NOW", int(seconds * 1000)]}
        # The condition is in the update, as an upsert takes no $expr; a missing `until` is before any time.
        taken = {"holder": {"$cond": [free, mine, "$holder"]}, "until": {"$cond": [free, until, "$until"]}}
        return UpdateOne({"_id": job}, [{"$set": taken}], upsert=True)

    async def free(self) -> None:
        self._renew_at.clear()
        await self._leases.delete_many({"holder": self._holder})
