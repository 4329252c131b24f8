from collections.abc import Sequence

from pymongo import UpdateOne, WriteConcern
from pymongo.read_concern import ReadConcern

from store.mongo.batcher import Batcher
from store.mongo.connection import Database, raises_unavailable


@raises_unavailable
class SubscriberCheckpoints:
    """The checkpoint of each subscriber: its position in the sealed log; it only moves forward.

    The primary alone acknowledges: a checkpoint that is lost with it only repeats work.
    """

    def __init__(self, database: Database) -> None:
        self._subscriptions = database.get_collection(
            "subscriptions", write_concern=WriteConcern(w=1, j=False), read_concern=ReadConcern("local")
        )
        self._advances: Batcher[tuple[str, int], None] = Batcher(self._write)

    async def position(self, name: str) -> int:
        """Read a subscriber's position; 0 for a new one."""
        document = await self._subscriptions.find_one({"_id": name})
        return document["position"] if document else 0

    async def advance(self, name: str, position: int) -> None:
        """Record that everything up to `position` is handled."""
        await self._advances.put((name, position))

    async def _write(self, advances: Sequence[tuple[str, int]]) -> Sequence[None]:
        await self._subscriptions.bulk_write(
            [UpdateOne({"_id": name}, {"$max": {"position": at}}, upsert=True) for name, at in advances]
        )
        return [None] * len(advances)
