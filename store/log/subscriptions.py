from store.mongo.connection import Database, reachable


class SubscriberCheckpoints:
    """Positions in the sealed order, one per follower; they only move forward."""

    def __init__(self, database: Database) -> None:
        self._followers = database.get_collection("followers")

    async def position(self, name: str) -> int:
        """Read where a follower stands; 0 for a new one."""
        with reachable():
            document = await self._followers.find_one({"_id": name})
        return document["position"] if document else 0

    async def advance(self, name: str, position: int) -> None:
        """Note that everything up to `position` is done."""
        with reachable():
            await self._followers.update_one({"_id": name}, {"$max": {"position": position}}, upsert=True)
