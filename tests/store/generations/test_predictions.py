import asyncio

from store.generations.predictions import Predictions
from store.mongo.connection import Database


async def test_a_prediction_belongs_to_its_first_claimer(database: Database) -> None:
    predictions = Predictions(database)
    assert await predictions.owner("p1") is None
    assert await predictions.claim("p1", "g1")
    assert await predictions.claim("p1", "g1")
    assert not await predictions.claim("p1", "g2")
    assert await predictions.owner("p1") == "g1"


async def test_of_concurrent_claims_one_succeeds(database: Database) -> None:
    predictions = Predictions(database)
    got = await asyncio.gather(*(predictions.claim("p1", f"g{number}") for number in range(10)))
    assert sum(got) == 1
