import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from events.commit import leaf_hash
from events.envelope import Cause
from events.generation import GenerationProgressed
from store.adapters import create_indexes
from store.commits.mongo import MongoEventStore
from store.log.mongo_sealed_log import MongoSealedLog
from store.mongo.connection import Database

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CAUSE = Cause(actor="actor:test")


class Book:
    """A log with its commits, and the laws that it must keep."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.events = MongoEventStore(database)
        self.log = MongoSealedLog(database)

    async def write(self, stream: str, expected: int, count: int = 1, *, time: datetime = NOON) -> None:
        facts = [GenerationProgressed(percent=number) for number in range(count)]
        await self.events.append(stream, expected, facts, cause=CAUSE, time=time)

    async def seal_all(self) -> None:
        while await self.log.seal():
            pass

    async def order(self) -> list[str]:
        """Read the whole order and check it: dense, each commit once, each stream in its own order."""
        sealed = await self.log.read(after=0, limit=10_000)
        assert [entry.position for entry in sealed] == list(range(1, len(sealed) + 1))
        reached: dict[str, int] = defaultdict(int)
        for entry in sealed:
            assert entry.commit.first == reached[entry.commit.stream] + 1
            reached[entry.commit.stream] = entry.commit.last
        return [entry.commit.id for entry in sealed]

    async def waiting(self) -> int:
        return await self.database.get_collection("commits").count_documents({"unsealed": True})


@pytest.fixture
async def book(database: Database) -> Book:
    await create_indexes(database, [MongoEventStore, MongoSealedLog])
    return Book(database)


async def test_an_empty_log_has_no_head_and_nothing_to_seal(book: Book) -> None:
    assert (await book.log.head(), await book.log.seal(), list(await book.log.read(after=0, limit=9))) == (
        0,
        0,
        [],
    )


async def test_every_commit_gets_its_position_once_and_keeps_it(book: Book) -> None:
    await book.write("a", 0)
    assert await book.log.seal() == 1
    await book.write("b", 0, 2, time=NOON - timedelta(hours=1))
    await book.write("a", 1)
    assert await book.log.seal() == 2
    assert await book.log.seal() == 0
    assert (await book.order())[0] == "a:1"
    assert (await book.log.head(), await book.waiting()) == (3, 0)


async def test_a_stream_keeps_its_own_order_when_its_clock_runs_backwards(book: Book) -> None:
    for version in range(6):
        await book.write("a", version, time=NOON - timedelta(minutes=version))
        await book.write("b", version, time=NOON + timedelta(minutes=version))
    await book.seal_all()
    assert len(await book.order()) == 12


async def test_more_streams_than_one_round_takes_are_sealed_in_several(book: Book) -> None:
    for number in range(7):
        await book.write(f"s{number}", 0, time=NOON + timedelta(seconds=number))
        await book.write(f"s{number}", 1, time=NOON + timedelta(seconds=number))
    assert [await book.log.seal(limit=3) for _ in range(5)][-1] == 0
    assert (await book.order())[0] == "s0:1"


async def test_reading_goes_on_behind_a_position(book: Book) -> None:
    for version in range(5):
        await book.write("a", version)
    await book.seal_all()
    page = await book.log.read(after=2, limit=2)
    assert [(entry.position, entry.commit.id) for entry in page] == [(3, "a:3"), (4, "a:4")]


async def test_the_leaf_of_a_position_is_the_hash_of_the_stored_body(book: Book) -> None:
    await book.write("a", 0, 3)
    await book.seal_all()
    [commit] = await book.events.read("a")
    entry = await book.database.get_collection("log").find_one({"_id": 1})
    assert entry is not None
    assert entry["leaf"] == leaf_hash(commit.body)


async def test_several_sealers_at_once_under_load_make_one_dense_order(book: Book) -> None:
    writing = asyncio.gather(*(write_many(book, f"s{number}") for number in range(8)))
    sealers = [MongoSealedLog(book.database) for _ in range(3)]
    while not writing.done():
        await asyncio.gather(*(sealer.seal(limit=5) for sealer in sealers))
    await writing
    await book.seal_all()
    assert len(await book.order()) == 8 * 15
    assert await book.waiting() == 0


async def write_many(book: Book, stream: str) -> None:
    for version in range(15):
        await book.write(stream, version)


async def test_a_sealer_killed_between_position_and_mark_is_followed_without_a_double(book: Book) -> None:
    for version in range(3):
        await book.write("a", version)
    await book.seal_all()
    await book.database.get_collection("commits").update_many({}, {"$set": {"unsealed": True}})
    await book.write("a", 3)
    await book.seal_all()
    assert await book.order() == ["a:1", "a:2", "a:3", "a:4"]
    assert await book.waiting() == 0


class Zombie(MongoSealedLog):
    """A sealer that read the head, slept, and does not know that it was replaced."""

    async def head(self) -> int:
        return 0


async def test_a_zombie_changes_no_position_and_leaves_no_gap(book: Book) -> None:
    await book.write("a", 0)
    await book.write("b", 0)
    await book.seal_all()
    before = await book.order()
    await book.write("c", 0)
    assert await Zombie(book.database).seal() == 0
    assert await book.order() == before
    assert await book.waiting() == 1
    await book.seal_all()
    assert await book.order() == [*before, "c:1"]
