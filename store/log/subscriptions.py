from store.mongo.connection import Database, raises_unavailable


@raises_unavailable
class SubscriberCheckpoints:
    """The checkpoint of each subscriber: its position in the sealed log; it only moves forward."""

    def __init__(self, database: Database) -> None:
        self._subscriptions = database.get_collection("subscriptions")

    async def position(self, name: str) -> int:
        """Read a subscriber's position; 0 for a new one."""
        document = await self._subscriptions.find_one({"_id": name})
        return document["position"] if document else 0

    async def advance(self, name: str, position: int) -> None:
        """Record that everything up to `position` is handled."""
        await self._subscriptions.update_one({"_id": name}, {"$max": {"position": position}}, upsert=True)
