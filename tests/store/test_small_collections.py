"""Leases, followers, claims of predictions: small collections that only a server can keep."""

import asyncio

from store.generations.predictions import Predictions
from store.leases.mongo import MongoLeases
from store.log.subscriptions import SubscriberCheckpoints
from store.mongo.connection import Database


async def test_a_job_has_one_holder(database: Database) -> None:
    one, two = MongoLeases(database, holder="one"), MongoLeases(database, holder="two")
    assert await one.take("seal", seconds=60)
    assert not await two.take("seal", seconds=60)
    assert await two.take("relay", seconds=60)
    assert await one.take("seal", seconds=60)


async def test_of_many_that_ask_at_once_one_gets_the_lease(database: Database) -> None:
    holders = [MongoLeases(database, holder=f"h{number}") for number in range(20)]
    got = await asyncio.gather(*(holder.take("seal", seconds=60) for holder in holders))
    assert sum(got) == 1


async def test_a_lease_is_renewed_only_when_half_of_it_is_over(database: Database) -> None:
    one, leases = MongoLeases(database, holder="one"), database.get_collection("leases")
    assert await one.take("seal", seconds=60)
    first = await leases.find_one({"_id": "seal"})
    assert await one.take("seal", seconds=60)
    assert await leases.find_one({"_id": "seal"}) == first
    assert await one.take("poll", seconds=0)
    assert await one.take("poll", seconds=60)
    assert not await MongoLeases(database, holder="two").take("poll", seconds=60)


async def test_who_gave_a_lease_back_asks_for_it_again(database: Database) -> None:
    one, two = MongoLeases(database, holder="one"), MongoLeases(database, holder="two")
    assert await one.take("seal", seconds=60)
    await one.free()
    assert await two.take("seal", seconds=60)
    assert not await one.take("seal", seconds=60)


async def test_a_lease_that_ran_out_by_the_servers_clock_is_anybodys(database: Database) -> None:
    one, two = MongoLeases(database, holder="one"), MongoLeases(database, holder="two")
    assert await one.take("seal", seconds=-1)
    assert await two.take("seal", seconds=60)
    assert not await one.take("seal", seconds=60)


async def test_a_refused_holder_does_not_lengthen_the_lease_of_the_other(database: Database) -> None:
    one, two = MongoLeases(database, holder="one"), MongoLeases(database, holder="two")
    await one.take("seal", seconds=60)
    before = await database.get_collection("leases").find_one({"_id": "seal"})
    assert not await two.take("seal", seconds=6000)
    assert await database.get_collection("leases").find_one({"_id": "seal"}) == before


async def test_whoever_goes_gives_back_all_of_its_leases_and_no_others(database: Database) -> None:
    one, two = MongoLeases(database, holder="one"), MongoLeases(database, holder="two")
    for job in ("seal", "relay"):
        await one.take(job, seconds=60)
    await two.take("sweep", seconds=60)
    await one.free()
    assert await two.take("seal", seconds=60)
    assert not await one.take("sweep", seconds=60)


async def test_a_follower_only_moves_forward(database: Database) -> None:
    followers = SubscriberCheckpoints(database)
    assert await followers.position("delivery") == 0
    await asyncio.gather(*(followers.advance("delivery", position) for position in (3, 9, 1, 7)))
    await followers.advance("delivery", 4)
    assert (await followers.position("delivery"), await followers.position("projector")) == (9, 0)


async def test_a_prediction_belongs_to_whoever_claimed_it_first(database: Database) -> None:
    predictions = Predictions(database)
    assert await predictions.owner("p1") is None
    assert await predictions.claim("p1", "g1")
    assert await predictions.claim("p1", "g1")
    assert not await predictions.claim("p1", "g2")
    assert await predictions.owner("p1") == "g1"


async def test_of_many_claims_at_once_one_wins(database: Database) -> None:
    predictions = Predictions(database)
    got = await asyncio.gather(*(predictions.claim("p1", f"g{number}") for number in range(10)))
    assert sum(got) == 1
