"""A commit that cannot be sealed waits with its successors; the other streams are sealed, and it later."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from structlog.typing import EventDict

from domain.generation.generation import stream_of
from store.commits.mongo import MongoEventStore
from store.log.mongo_sealed_log import MongoSealedLog
from store.log.unsealable_streams import RETRY_SECONDS
from store.mongo.connection import Database, Document
from tests.builders.generation import requested
from tests.store.log.harness import CAUSE, NOON, LogHarness

DAMAGE: dict[str, dict[str, Any]] = {
    "no leaf": {"$unset": {"leaf": 1}},
    "short leaf": {"$set": {"leaf": b"damaged"}},
    "no stream": {"$unset": {"stream": 1}},
    "another stream": {"$set": {"stream": "c"}},
    "no version": {"$unset": {"first": 1}},
    "version of another kind": {"$set": {"first": "one"}},
    "no last version": {"$unset": {"last": 1}},
    "no types": {"$unset": {"types": 1}},
    "types of another kind": {"$set": {"types": "generation.progressed"}},
    "too many types": {"$push": {"types": "generation.progressed"}},
    "no time": {"$unset": {"time": 1}},
}

BODIES: dict[str, Any] = {
    "no JSON": b"\xff\x00",
    "endless nesting": b"[" * 100_000,
    "no list": b"5",
    "no body": None,
    "a type of another kind": {"type": 5},
    "a stream of another kind": {"stream": 5},
    "data of another kind": {"type": "developer.registered", "data": 5},
    "half of a surrogate pair": {"actor": "\ud800"},
    "half of a surrogate pair as the cause": {"correlationid": "\ud800"},
}
"""Stored instead of a body, or members of its envelope."""


class Sealing(LogHarness):
    """Sealing with a clock of its own, and the lines that it logs."""

    def __init__(self, database: Database, events: Any) -> None:
        self.now = 1000.0
        self.lines: list[EventDict] = []
        self.commits = database.get_collection("commits")
        self.entries = database.get_collection("log")
        super().__init__(events, MongoSealedLog(database, monotonic=lambda: self.now))

    async def damage(self, commit: str, update: dict[str, Any]) -> dict[str, Any]:
        """Alter a commit's document; return it as it was."""
        before = await self.commits.find_one_and_update({"_id": commit}, update)
        assert before is not None
        return before

    async def repair(self, before: dict[str, Any]) -> None:
        await self.commits.replace_one({"_id": before["_id"]}, before, upsert=True)
        self.now += RETRY_SECONDS

    @property
    def alarms(self) -> list[str]:
        return [line["commit"] for line in self.lines if line["event"] == "commit_not_sealed"]


@pytest.fixture
async def sealing(database: Database) -> AsyncIterator[Sealing]:
    sealing = Sealing(database, MongoEventStore(database))
    with structlog.testing.capture_logs() as sealing.lines:
        yield sealing


@pytest.mark.parametrize("update", DAMAGE.values(), ids=DAMAGE)
async def test_a_damaged_first_commit_stops_no_other_stream(sealing: Sealing, update: dict[str, Any]) -> None:
    for stream in ("a", "b"):
        await sealing.write(stream, 0)
        await sealing.write(stream, 1)
    before = await sealing.damage("a:1", update)

    await sealing.seal_all()
    assert await sealing.order() == ["b:1", "b:2"]
    assert sealing.alarms == ["a:1"]

    assert list(await sealing.log.unsealed(NOON + timedelta(minutes=1), limit=9)) == ["a:1", "a:2"]

    await sealing.write("a", 2)
    await sealing.seal_all()
    assert await sealing.order() == ["b:1", "b:2"], "a successor has no position before the damaged commit"

    await sealing.repair(before)
    await sealing.seal_all()
    assert await sealing.order() == ["b:1", "b:2", "a:1", "a:2", "a:3"]


@pytest.mark.parametrize("damage", BODIES.values(), ids=BODIES)
async def test_a_damaged_body_is_sealed_under_what_stands_beside_it(sealing: Sealing, damage: Any) -> None:
    event = requested()
    for generation in ("g1", "g2"):
        await sealing.events.append(stream_of(generation), 0, [event], cause=CAUSE, time=NOON)
    stored = await sealing.commits.find_one({"_id": f"{stream_of('g1')}:1"})
    assert stored is not None
    [envelope] = json.loads(stored["body"])
    body = json.dumps([{**envelope, **damage}]).encode() if isinstance(damage, dict) else damage
    await sealing.damage(stored["_id"], {"$set": {"body": body}})

    await sealing.seal_all()

    owner = event.owner.model_dump()
    terms = [entry["terms"] async for entry in sealing.entries.find().sort("commit", 1)]
    assert terms[0] == sorted([*(f"{name}={value}" for name, value in owner.items()), "type=generation.requested"])
    assert "actor=actor:test" in terms[1], "the other stream is sealed as ever"
    assert [line["commit"] for line in sealing.lines if line["event"] == "commit_unreadable"] == [stored["_id"]]


async def test_a_generation_without_its_owner_waits(sealing: Sealing) -> None:
    event = requested()
    await sealing.events.append(stream_of("g1"), 0, [event], cause=CAUSE, time=NOON)
    before = await sealing.damage(f"{stream_of('g1')}:1", {"$unset": {"project": 1}})

    await sealing.seal_all()
    assert await sealing.order() == []

    await sealing.repair(before)
    await sealing.seal_all()
    [entry] = await sealing.log.read(after=0, limit=9)
    assert entry.project == event.owner.project


async def test_successors_of_a_missing_first_commit_wait(sealing: Sealing) -> None:
    await sealing.write("a", 0)
    await sealing.write("a", 1)
    await sealing.write("b", 0)
    missing = await sealing.commits.find_one_and_delete({"_id": "a:1"})
    assert missing is not None

    await sealing.seal_all()
    assert await sealing.order() == ["b:1"]

    await sealing.repair(missing)
    await sealing.seal_all()
    assert await sealing.order() == ["b:1", "a:1", "a:2"]


async def test_more_damaged_commits_than_a_page_holds_stop_no_other(sealing: Sealing) -> None:
    for number in range(5):
        await sealing.write(f"a{number}", 0)
        await sealing.damage(f"a{number}:1", DAMAGE["no leaf"])
    await sealing.write("b", 0, time=NOON + timedelta(hours=1))

    await sealing.log.seal(limit=2)

    assert await sealing.order() == ["b:1"]


@pytest.mark.parametrize("limit", [1, 2, 500])
async def test_several_commits_without_a_stream_do_not_stop_sealing(sealing: Sealing, limit: int) -> None:
    for expected in range(3):
        await sealing.write("a", expected)
    for version in (1, 2, 3):
        await sealing.damage(f"a:{version}", DAMAGE["no stream"])
    await sealing.write("b", 0, time=NOON + timedelta(hours=1))

    async with asyncio.timeout(5):
        for _ in range(2):
            await sealing.log.seal(limit=limit)

    assert await sealing.order() == ["b:1"]
    assert sealing.alarms == ["a:1"]


class Fetches(CommandListener):
    """Counts the batches that cursors fetch after their first."""

    def __init__(self) -> None:
        self.count = 0

    def started(self, event: CommandStartedEvent) -> None:
        self.count += event.command_name == "getMore"

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


async def test_a_backlog_is_read_in_few_round_trips(sealing: Sealing, database: Database, mongodb_url: str) -> None:
    for number in range(20):
        await sealing.write("a", number)
    fetches = Fetches()
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(mongodb_url, tz_aware=True, event_listeners=[fetches])
    sealed = await MongoSealedLog(client.get_database(database.name)).seal(limit=10)
    client.close()
    assert sealed == 20
    assert fetches.count <= 1


async def test_the_alarm_is_repeated_once_a_minute(sealing: Sealing) -> None:
    await sealing.write("a", 0)
    await sealing.damage("a:1", DAMAGE["no leaf"])
    for _ in range(5):
        await sealing.log.seal()
    assert sealing.alarms == ["a:1"]
    sealing.now += RETRY_SECONDS
    await sealing.log.seal()
    assert sealing.alarms == ["a:1", "a:1"]
