"""Appends while the server is killed or the connection breaks."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.commit import Commit
from events.envelope import Cause
from events.invocation import GenerationProgressed
from exemplar.local.mongod import Mongod, find_mongod
from exemplar.local.ports import Ports
from store.adapters import create_indexes
from store.commits.mongo import MongoEventStore
from store.errors import OutcomeUnknownError, StoreUnavailableError, WrongExpectedVersionError
from store.mongo.connection import Database, connect
from store.mongo.replica_set import initiate_replica_set
from store.quota.mongo_ledger import MongoLedger
from tests.store.lossy_proxy import LossyProxy
from tests.stores import settings_for

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CAUSE = Cause(actor="actor:test")


async def append(store: MongoEventStore, stream: str, expected: int) -> Commit:
    return await store.append(stream, expected, [GenerationProgressed(percent=1)], cause=CAUSE, time=NOON)


@pytest.fixture
def own_mongod(tmp_path: Path) -> Iterator[Mongod]:
    if find_mongod() is None:
        pytest.skip("no mongod")
    server = Mongod(tmp_path, Ports(tmp_path / "ports.json").of("mongod"), os.environ)
    server.launch()
    try:
        server.wait_ready(initiate_replica_set)
        yield server
    finally:
        server.child.kill()
        server.child.stop()


async def test_no_acknowledged_commit_is_lost_when_the_server_is_killed(own_mongod: Mongod) -> None:
    database = connect(settings_for(own_mongod.url("crash")))
    await create_indexes(database, [MongoEventStore])
    store = MongoEventStore(database)
    acknowledged: list[str] = []
    enough = asyncio.Event()

    async def write(stream: str) -> Exception:
        version = 0
        while True:
            try:
                commit = await append(store, stream, version)
            except (StoreUnavailableError, WrongExpectedVersionError) as error:
                return error
            acknowledged.append(commit.id)
            version = commit.last
            if len(acknowledged) >= 200:
                enough.set()

    writing = [asyncio.create_task(write(f"s{number}")) for number in range(12)]
    await enough.wait()
    own_mongod.child.kill()
    errors = await asyncio.gather(*writing)
    own_mongod.launch()
    own_mongod.wait_ready(initiate_replica_set)
    assert all(isinstance(error, StoreUnavailableError) for error in errors)
    stored = {commit.id async for commit in store.commits()}
    assert set(acknowledged) <= stored
    # Not acknowledged is at most the one append that each writer had in flight.
    assert len(stored) <= len(acknowledged) + len(writing)
    database.client.close()


@pytest.fixture
async def proxied_store(proxied_database: Database) -> MongoEventStore:
    store = MongoEventStore(proxied_database)
    await append(store, "warm", 0)
    return store


async def test_one_lost_response_is_retried_without_a_duplicate(
    proxy: LossyProxy, proxied_store: MongoEventStore
) -> None:
    proxy.lose_answers = 1
    commit = await append(proxied_store, "s", 0)
    assert await proxied_store.read("s") == [commit]


async def test_two_lost_responses_are_settled_by_the_stored_token(
    proxy: LossyProxy, proxied_store: MongoEventStore
) -> None:
    proxy.lose_answers = 2
    commit = await append(proxied_store, "s", 0)
    assert proxy.lose_answers == 0
    assert await proxied_store.read("s") == [commit]


async def test_another_writers_commit_is_a_conflict_after_lost_responses(
    proxy: LossyProxy, proxied_store: MongoEventStore
) -> None:
    theirs = await append(proxied_store, "s", 0)
    proxy.lose_answers = 2
    with pytest.raises(WrongExpectedVersionError):
        await append(proxied_store, "s", 0)
    assert await proxied_store.read("s") == [theirs]


async def test_an_append_without_a_trace_has_an_unknown_outcome(
    proxy: LossyProxy, proxied_store: MongoEventStore
) -> None:
    proxy.lose_requests = 2
    with pytest.raises(OutcomeUnknownError):
        await append(proxied_store, "s", 0)
    assert await proxied_store.read("s") == []


async def test_an_absent_server_is_unavailable_without_hanging() -> None:
    settings = settings_for("mongodb://127.0.0.1:9/x?directConnection=true").model_copy(
        update={"mongodb_timeout_ms": 200}
    )
    database = connect(settings)
    store = MongoEventStore(database)
    for call in (store.read("s"), append(store, "s", 1), MongoLedger(database).account("d")):
        with pytest.raises(StoreUnavailableError):
            await call
    with pytest.raises(OutcomeUnknownError):
        await append(store, "s", 0)
    database.client.close()
