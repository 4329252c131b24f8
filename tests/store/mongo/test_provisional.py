"""What a primary alone has acknowledged survives the election of another one before the commit."""

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from pymongo.errors import PyMongoError

from store.mongo import provisional
from store.mongo.connection import Database, Document
from store.mongo.provisional import ProvisionalWrites, term_of
from tests.store.mongo.first_writes import BLOB, PERSONAL_DATA, all_are_kept, begin, write_all
from tests.stores import OpenStore, open_store
from tests.systems.databases import Databases
from tests.systems.waiting import until

INSERT: Document = {"insert": "blobs", "documents": [{"_id": "g1/d1"}]}


@pytest.fixture
def mongodb_url(own_databases: Databases) -> Iterator[str]:
    """Take a server that may be without a primary."""
    with own_databases.lent() as url:
        yield url


@pytest.fixture
async def store(mongodb_url: str) -> AsyncIterator[OpenStore]:
    async with open_store(mongodb_url) as store:
        yield store


async def elect_again(database: Database) -> None:
    """Let the only member step down and be elected for the next term."""
    before = term_of(await database.command({"insert": "terms", "documents": [{}]}))
    await database.client.admin.command("replSetStepDown", 1, secondaryCatchUpPeriodSecs=0, force=True)

    async def elected() -> bool:
        try:
            return term_of(await database.command({"insert": "terms", "documents": [{}]})) != before
        except PyMongoError:
            return False

    await until(elected, "a primary is elected")


async def test_writes_are_durable_with_the_commit_that_follows(store: OpenStore) -> None:
    await write_all(store)
    await begin(store)
    assert await all_are_kept(store)


async def test_what_a_new_primary_has_not_seen_is_written_again(store: OpenStore) -> None:
    await write_all(store)
    for name in ("personal_data", "blobs", "predictions"):
        await store.database[name].delete_many({})  # as if the new primary had never got them
    await elect_again(store.database)
    await begin(store)
    assert await all_are_kept(store)


async def test_erased_data_are_not_written_again(store: OpenStore) -> None:
    await store.personal_data.put(PERSONAL_DATA)
    await store.blobs.put(BLOB)
    await store.personal_data.erase("g1")
    await store.blobs.erase("g1")
    await elect_again(store.database)
    await begin(store)
    assert await store.personal_data.get("g1", "t1") is None
    assert await store.blobs.get("g1", "d1") is None


async def test_nothing_is_written_again_under_the_same_primary(store: OpenStore) -> None:
    await store.blobs.put(BLOB)
    await store.database["blobs"].delete_many({})
    await begin(store)
    assert await store.blobs.get("g1", "d1") is None


async def test_a_write_that_is_refused_when_it_is_repeated_does_not_let_its_commit_fail(database: Database) -> None:
    writes = ProvisionalWrites(database)
    answer = await writes.write("s1", {"insert": "letters", "documents": [{"_id": "a"}]}, size=1)
    await database["letters"].delete_many({})
    await database.command("collMod", "letters", validator={"_id": {"$ne": "a"}})
    try:
        with structlog.testing.capture_logs() as lines:
            await writes.confirm("s1", writes.pending("s1"), (term_of(answer) or 0) + 1)
    finally:
        await database.drop_collection("letters")
    assert ("provisional_write_lost", "WriteRefusedError") in [(line["event"], line.get("error")) for line in lines]


async def test_a_write_beyond_the_memory_waits_for_the_majority(database: Database) -> None:
    writes = ProvisionalWrites(database, most_bytes=10)
    await writes.write("s1", INSERT, size=11)
    assert writes.forget("s1") == []
    await writes.write("s1", INSERT, size=10)
    assert [write.size for write in writes.forget("s1")] == [10]


async def test_a_write_without_a_commit_is_kept_for_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisional, "_KEPT_S", 0.05)
    writes = ProvisionalWrites(database)
    await writes.write("s1", INSERT, size=1)

    async def forgotten() -> bool:
        return writes.pending("s1") == []

    await until(forgotten, "the write is forgotten although nothing else happens")


async def test_erasing_forgets_what_has_all_of_its_tags(database: Database) -> None:
    writes = ProvisionalWrites(database)
    await writes.write("s1", INSERT, size=1, tags=["t1", "example"])
    await writes.write("s1", INSERT, size=2, tags=["t1", "result"])
    await writes.write("s1", INSERT, size=3, tags=["t2"])
    assert [write.size for write in writes.forget("s1", "t1", "result")] == [2]
    assert [write.size for write in writes.forget("s1", "t1")] == [1]
    assert [write.size for write in writes.forget("s1")] == [3]


async def test_an_answer_without_a_term_makes_all_writes_majority_writes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    concerns = []
    command = database.command

    async def routed(given: Document) -> Document:
        concerns.append(given["writeConcern"])
        answer: Document = await command(given)
        return {name: value for name, value in answer.items() if name != "opTime"}

    monkeypatch.setattr(database, "command", routed)
    writes = ProvisionalWrites(database)
    await writes.write("s1", INSERT, size=1)
    await writes.write("s1", INSERT, size=1)
    assert [concern["w"] for concern in concerns] == [1, "majority", "majority"]
    assert term_of({"ok": 1}) is None


async def test_a_commit_confirms_only_what_was_written_before_it(database: Database) -> None:
    writes = ProvisionalWrites(database)
    answer = await writes.write("s1", INSERT, size=1)
    followed = writes.pending("s1")
    await writes.write("s1", {"insert": "blobs", "documents": [{"_id": "g1/d2"}]}, size=1)
    await writes.confirm("s1", followed, term_of(answer))
    assert [write.command["documents"] for write in writes.pending("s1")] == [[{"_id": "g1/d2"}]]
