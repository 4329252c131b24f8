"""Leases: one contract for both adapters, then what concerns the server's documents."""

import asyncio
from collections.abc import Callable

import pytest

from store.leases.contract import Leases
from store.leases.memory import LeaseTable, MemoryLeases
from store.leases.mongo import MongoLeases
from store.mongo.connection import Database
from tests.builders.clock import Clock

Holder = Callable[[str], Leases]


@pytest.fixture
def holder(kind: str, if_mongo: Callable[[], Database], clock: Clock) -> Holder:
    """Make the leases of a holder by name."""
    if kind == "memory":
        table: LeaseTable = {}
        return lambda name: MemoryLeases(table, holder=name, clock=clock)
    database = if_mongo()
    return lambda name: MongoLeases(database, holder=name)


async def test_a_job_has_one_holder(holder: Holder) -> None:
    one, two = holder("one"), holder("two")
    assert await one.take("seal", seconds=60)
    assert not await two.take("seal", seconds=60)
    assert await two.take("relay", seconds=60)
    assert await one.take("seal", seconds=60)


async def test_of_concurrent_holders_one_gets_the_lease(holder: Holder) -> None:
    holders = [holder(f"h{number}") for number in range(20)]
    got = await asyncio.gather(*(one.take("seal", seconds=60) for one in holders))
    assert sum(got) == 1


async def test_a_freed_lease_is_taken_anew(holder: Holder) -> None:
    one, two = holder("one"), holder("two")
    assert await one.take("seal", seconds=60)
    await one.free()
    assert await two.take("seal", seconds=60)
    assert not await one.take("seal", seconds=60)


async def test_an_expired_lease_can_be_taken_by_another_holder(holder: Holder) -> None:
    one, two = holder("one"), holder("two")
    assert await one.take("seal", seconds=-1)
    assert await two.take("seal", seconds=60)
    assert not await one.take("seal", seconds=60)


async def test_freeing_releases_all_own_leases_and_no_others(holder: Holder) -> None:
    one, two = holder("one"), holder("two")
    for job in ("seal", "relay"):
        await one.take(job, seconds=60)
    await two.take("sweep", seconds=60)
    await one.free()
    assert await two.take("seal", seconds=60)
    assert not await one.take("sweep", seconds=60)


async def test_a_lease_is_renewed_only_when_half_of_it_is_over(database: Database) -> None:
    one, leases = MongoLeases(database, holder="one"), database.get_collection("leases")
    assert await one.take("seal", seconds=60)
    first = await leases.find_one({"_id": "seal"})
    assert await one.take("seal", seconds=60)
    assert await leases.find_one({"_id": "seal"}) == first
    assert await one.take("poll", seconds=0)
    assert await one.take("poll", seconds=60)
    assert not await MongoLeases(database, holder="two").take("poll", seconds=60)


async def test_a_refused_holder_does_not_extend_the_lease(database: Database) -> None:
    one, two = MongoLeases(database, holder="one"), MongoLeases(database, holder="two")
    await one.take("seal", seconds=60)
    before = await database.get_collection("leases").find_one({"_id": "seal"})
    assert not await two.take("seal", seconds=6000)
    assert await database.get_collection("leases").find_one({"_id": "seal"}) == before
