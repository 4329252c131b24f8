"""The sealed log in MongoDB: leaves, marks, and several sealers at once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from events.commit import leaf_hash
from events.envelope import Cause
from events.webhook import DeliverySucceeded
from store.commits.mongo import MongoEventStore
from store.log.mongo_sealed_log import MongoSealedLog
from store.mongo.connection import Database
from tests.builders.clock import Clock
from tests.builders.generation import requested
from tests.store.log.harness import CAUSE, NOON, LogHarness

DELIVERY_SUCCEEDED = DeliverySucceeded(delivery="d-1", event="generation-g:1", attempt=1, status=204, milliseconds=5)


class MongoLogHarness(LogHarness):
    def __init__(self, database: Database) -> None:
        super().__init__(MongoEventStore(database), MongoSealedLog(database))
        self.database = database

    async def unsealed(self) -> int:
        return await self.database.get_collection("commits").count_documents({"unsealed": True})


@pytest.fixture
async def harness(database: Database) -> MongoLogHarness:
    return MongoLogHarness(database)


async def test_the_leaf_of_a_position_is_the_hash_of_the_stored_body(harness: MongoLogHarness) -> None:
    await harness.write("a", 0, 3)
    await harness.seal_all()
    [commit] = await harness.events.read("a")
    entry = await harness.database.get_collection("log").find_one({"_id": 1})
    assert entry is not None
    assert entry["leaf"] == leaf_hash(commit.body)


async def sealed_at(harness: MongoLogHarness, clocks: Sequence[tuple[int, int]]) -> list[timedelta]:
    """Seal once for each pair of clocks, a sealer's and MongoDB's in minutes; return when the commits were sealed."""
    for number, (minutes, server_minutes) in enumerate(clocks):
        await harness.write(f"s{number}", 0)
        own, server = (Clock(NOON + timedelta(minutes=at)) for at in (minutes, server_minutes))

        async def server_time(server: Clock = server) -> datetime:
            return server()

        await MongoSealedLog(harness.database, clock=own, server_time=server_time).seal()
    entries = await harness.database.get_collection("log").find().sort("_id", 1).to_list(None)
    return [entry["sealed_at"] - NOON for entry in entries]


async def test_the_time_of_sealing_never_decreases_whatever_the_clocks_say(harness: MongoLogHarness) -> None:
    times = await sealed_at(harness, [(5, 9), (3, 9), (8, 9)])
    assert times == [timedelta(minutes=at) for at in (5, 5, 8)]


async def test_a_sealer_whose_clock_is_ahead_dates_nothing_behind_mongodb_s(harness: MongoLogHarness) -> None:
    times = await sealed_at(harness, [(1, 1), (300 * 24 * 60, 2), (3, 3)])
    assert times == [timedelta(minutes=at) for at in (1, 2, 3)]


async def test_mongodb_s_own_clock_bounds_the_time_of_sealing(harness: MongoLogHarness) -> None:
    await harness.write("a", 0)
    far = datetime.now(UTC) + timedelta(days=300)
    await MongoSealedLog(harness.database, clock=Clock(far)).seal()
    [entry] = await harness.database.get_collection("log").find().to_list(None)
    assert entry["sealed_at"] < far - timedelta(days=299)


async def test_a_commit_of_another_stream_has_the_owner_of_the_generation_that_caused_it(
    harness: MongoLogHarness,
) -> None:
    await harness.events.append("generation-g", 0, [requested()], cause=CAUSE, time=NOON)
    await harness.seal_all()
    caused = Cause(actor="actor:delivery", correlation_id="generation-g", request_id="r-1")
    await harness.events.append("webhook-e-g", 0, [DELIVERY_SUCCEEDED], cause=caused, time=NOON)
    await MongoSealedLog(harness.database).seal()
    entry = await harness.database.get_collection("log").find_one({"_id": 2})
    assert entry is not None
    assert "project" not in entry, "feeds read the generation's own commits only"
    owner = requested().owner.model_dump()
    assert set(entry["terms"]) == {
        *(f"{name}={value}" for name, value in owner.items()),
        "type=webhook.delivery_succeeded",
        "actor=actor:delivery",
        "correlation_id=generation-g",
        "request_id=r-1",
    }


async def test_concurrent_sealers_and_writers_give_one_dense_order(harness: MongoLogHarness) -> None:
    writing = asyncio.gather(*(write_many(harness, f"s{number}") for number in range(8)))
    sealers = [MongoSealedLog(harness.database) for _ in range(3)]
    while not writing.done():
        await asyncio.gather(*(sealer.seal(limit=5) for sealer in sealers))
    await writing
    await harness.seal_all()
    assert len(await harness.order()) == 8 * 15
    assert await harness.unsealed() == 0


async def write_many(harness: MongoLogHarness, stream: str) -> None:
    for version in range(15):
        await harness.write(stream, version)


async def test_a_commit_marked_by_a_killed_sealer_gets_no_second_position(
    harness: MongoLogHarness,
) -> None:
    for version in range(3):
        await harness.write("a", version)
    await harness.seal_all()
    await harness.database.get_collection("commits").update_many({}, {"$set": {"unsealed": True}})
    await harness.write("a", 3)
    await harness.seal_all()
    assert await harness.order() == ["a:1", "a:2", "a:3", "a:4"]
    assert await harness.unsealed() == 0


class ReplacedSealer(MongoSealedLog):
    """A sealer that read the head, paused, and was replaced meanwhile."""

    async def _last_entry(self) -> None:
        return None


async def test_a_replaced_sealer_changes_no_position_and_leaves_no_gap(harness: MongoLogHarness) -> None:
    await harness.write("a", 0)
    await harness.write("b", 0)
    await harness.seal_all()
    before = await harness.order()
    await harness.write("c", 0)
    assert await ReplacedSealer(harness.database).seal() == 0
    assert await harness.order() == before
    assert await harness.unsealed() == 1
    await harness.seal_all()
    assert await harness.order() == [*before, "c:1"]
