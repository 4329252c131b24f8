from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import ClassVar, Final

from domain.generation.generation import Generation, stream_of
from domain.generation.lifecycle import Timeouts
from store.commits.stream_walk import FoldedStream
from store.generations.mongo_projection import MongoProjection
from store.generations.personal_data import PersonalDataStore
from store.generations.row_comparison import RowComparison
from store.mongo.connection import Database, raises_unavailable
from store.replay.read_model import Compared, Difference, differences_of

ROWS: Final = "generations"
_CLAIMS: Final = "predictions"


@raises_unavailable
class GenerationRows:
    """The rows of `generations`, and the claims of `predictions`, none of which may contradict a fold."""

    kinds: ClassVar[Collection[str]] = ("generation",)

    def __init__(
        self,
        database: Database,
        *,
        personal_data: PersonalDataStore,
        projection: MongoProjection,
        timeouts: Timeouts,
    ) -> None:
        self._rows = RowComparison(personal_data, projection, timeouts)
        self._projection = projection
        self._claims = database.get_collection("predictions")

    async def compare(self, streams: Sequence[FoldedStream]) -> Compared:
        generations: Sequence[Generation] = [one.state for one in streams]
        stored = await self._projection.stored([one.id for one in generations])
        compared = Compared({ROWS: len(stored)})
        for wrong in await self._rows.wrong_of(generations, stored):
            key, wanted = wrong.row.id, wrong.row.as_document()
            compared.differences += differences_of(ROWS, key, wanted, wrong.stored, stream_of(key))
        compared.differences += await self._claims_that_differ(generations)
        return compared

    async def owners(self) -> AsyncIterator[tuple[str, str, str]]:
        async for key in self._projection.ids():
            yield ROWS, key, stream_of(key)

    async def count(self) -> Mapping[str, int]:
        return Counter({ROWS: await self._projection.count()})

    async def _claims_that_differ(self, generations: Sequence[Generation]) -> list[Difference]:
        """Compare the claims of predictions; one without a claim was named by its callback address."""
        wanted = {prediction: one.id for one in generations for prediction in one.predictions}
        found = await self._claims.find({"_id": {"$in": [*wanted]}}).to_list(None) if wanted else []
        stored = {document["_id"]: document.get("generation") for document in found}
        return [
            Difference(_CLAIMS, prediction, "generation", owner, stored[prediction], stream_of(owner))
            for prediction, owner in wanted.items()
            if stored.get(prediction, owner) != owner
        ]
