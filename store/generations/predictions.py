from pymongo.errors import DuplicateKeyError

from store.mongo.connection import Database, raises_unavailable


@raises_unavailable
class Predictions:
    """The generation that each of the provider's predictions belongs to: the first that claimed it."""

    def __init__(self, database: Database) -> None:
        self._predictions = database.get_collection("predictions")

    async def claim(self, prediction: str, generation: str) -> bool:
        """Record that a prediction belongs to a generation; False when it belongs to another."""
        claim = {"_id": prediction, "generation": generation}
        try:
            await self._predictions.update_one(claim, {"$setOnInsert": claim}, upsert=True)
        except DuplicateKeyError:  # of another generation, or the same claim was made at this very moment
            return await self.owner(prediction) == generation
        return True

    async def owner(self, prediction: str) -> str | None:
        """Find the generation of a prediction; None when none claimed it."""
        document = await self._predictions.find_one({"_id": prediction})
        return document["generation"] if document else None
