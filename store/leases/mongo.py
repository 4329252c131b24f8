import time

from pymongo import ReturnDocument

from store.mongo.connection import Database, raises_unavailable


@raises_unavailable
class MongoLeases:
    """Leases in collection `leases`, by the server's clock: a process's own clock may jump.

    A lease of which more than half is left is not renewed; its age is measured from before the request.
    """

    def __init__(self, database: Database, *, holder: str) -> None:
        self._leases = database.get_collection("leases")
        self._holder = holder
        self._renew_at: dict[str, float] = {}

    async def take(self, job: str, *, seconds: float) -> bool:
        asked = time.monotonic()
        if asked < self._renew_at.get(job, 0.0):
            return True
        mine = {"$literal": self._holder}
        free = {"$or": [{"$eq": ["$holder", mine]}, {"$lt": ["$until", "$$NOW"]}]}
        until = {"$add": ["$$NOW", int(seconds * 1000)]}
        # The condition is in the update, as an upsert takes no $expr; a missing `until` is before any time.
        taken = {"holder": {"$cond": [free, mine, "$holder"]}, "until": {"$cond": [free, until, "$until"]}}
        lease = await self._leases.find_one_and_update(
            {"_id": job}, [{"$set": taken}], upsert=True, return_document=ReturnDocument.AFTER
        )
        held = bool(lease["holder"] == self._holder)
        self._renew_at[job] = asked + seconds / 2 if held else 0.0
        return held

    async def free(self) -> None:
        self._renew_at.clear()
        await self._leases.delete_many({"holder": self._holder})
