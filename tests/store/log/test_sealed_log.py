"""The contract of the sealed log, for both adapters."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from store.commits.contract import EventStore
from store.log.memory_sealed_log import MemorySealedLog
from store.log.mongo_sealed_log import MongoSealedLog
from store.mongo.connection import Database
from tests.store.log.harness import NOON, LogHarness


@pytest.fixture
async def harness(kind: str, events: EventStore, if_mongo: Callable[[], Database]) -> LogHarness:
    if kind == "memory":
        return LogHarness(events, MemorySealedLog(events))
    return LogHarness(events, MongoSealedLog(if_mongo()))


async def test_an_empty_log_has_no_head_and_nothing_to_seal(harness: LogHarness) -> None:
    assert await harness.log.head() == 0
    assert await harness.log.seal() == 0
    assert list(await harness.log.read(after=0, limit=9)) == []


async def test_each_commit_gets_one_position_for_good(harness: LogHarness) -> None:
    await harness.write("a", 0)
    assert await harness.log.seal() == 1
    await harness.write("b", 0, 2, time=NOON - timedelta(hours=1))
    await harness.write("a", 1)
    assert await harness.log.seal() == 2
    assert await harness.log.seal() == 0
    assert (await harness.order())[0] == "a:1"
    assert await harness.log.head() == 3


async def test_positions_are_told_of_commits_that_have_one(harness: LogHarness) -> None:
    await harness.write("a", 0)
    await harness.seal_all()
    await harness.write("b", 0)
    assert await harness.log.positions({"a:1", "b:1", "c:1"}) == {"a:1": 1}
    assert await harness.log.positions([]) == {}


async def test_stream_order_is_kept_when_times_run_backwards(harness: LogHarness) -> None:
    for version in range(6):
        await harness.write("a", version, time=NOON - timedelta(minutes=version))
        await harness.write("b", version, time=NOON + timedelta(minutes=version))
    await harness.seal_all()
    assert len(await harness.order()) == 12


async def test_more_streams_than_the_limit_are_sealed_in_several_calls(harness: LogHarness) -> None:
    for number in range(7):
        await harness.write(f"s{number}", 0, time=NOON + timedelta(seconds=number))
        await harness.write(f"s{number}", 1, time=NOON + timedelta(seconds=number))
    assert [await harness.log.seal(limit=3) for _ in range(5)][-1] == 0
    assert (await harness.order())[0] == "s0:1"


async def test_read_continues_behind_a_position(harness: LogHarness) -> None:
    for version in range(5):
        await harness.write("a", version)
    await harness.seal_all()
    page = await harness.log.read(after=2, limit=2)
    assert [(entry.position, entry.id) for entry in page] == [(3, "a:3"), (4, "a:4")]
