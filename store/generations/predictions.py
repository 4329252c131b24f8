from pymongo.read_concern import ReadConcern

from domain.generation.generation import stream_of
from store.mongo.connection import Database, raises_unavailable
from store.mongo.provisional import ProvisionalWrites, is_duplicate


@raises_unavailable
class Predictions:
    """The generation that each of the provider's predictions belongs to: the first that claimed it."""

    def __init__(self, database: Database, provisional: ProvisionalWrites | None = None) -> None:
        # A claim by another process is seen before a majority has it.
        self._predictions = database.get_collection("predictions", read_concern=ReadConcern("local"))
        self._provisional = provisional or ProvisionalWrites(database)

    async def claim(self, prediction: str, generation: str) -> bool:
        """Record that a prediction belongs to a generation; False when it belongs to another.

        The event that names the prediction follows.
        """
        claim = {"_id": prediction, "generation": generation}
        update = {"q": claim, "u": {"$setOnInsert": claim}, "upsert": True}
        command = {"update": self._predictions.name, "updates": [update]}
        answer = await self._provisional.write(stream_of(generation), command, size=len(prediction))
        # A duplicate is of another generation, or the same claim was made at this very moment.
        return not is_duplicate(answer) or await self.owner(prediction) == generation

    async def owner(self, prediction: str) -> str | None:
        """Find the generation of a prediction; None when none claimed it."""
        document = await self._predictions.find_one({"_id": prediction})
        return document["generation"] if document else None
