"""The hash of the folded state depends on the sealed log alone."""

import random
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from domain.errors import ErrorCode, ExemplarError
from domain.generation.lifecycle import Timeouts
from events.envelope import Cause
from store.commits.unreadable import UnreadableCommit
from store.mongo.connection import Document
from store.replay.fold_comparison import FoldComparison, ReplayReport
from tests.builders.clock import Clock
from tests.builders.history import History
from tests.stores import OpenStore, open_store
from tests.systems.databases import Databases

CAUSE = Cause(actor="actor:test")


@pytest.fixture
async def store(mongodb_url: str) -> AsyncIterator[OpenStore]:
    async with open_store(mongodb_url, clock=Clock()) as store:
        yield store


@pytest.fixture
def copy_url(databases: Databases) -> Iterator[str]:
    with databases.lent() as url:
        yield url


async def write(store: OpenStore, seed: int, commits: int = 60) -> History:
    """Append random commits to random streams, and seal them."""
    history, clock = History(random.Random(seed), uuid4().hex[:8]), Clock()
    for _ in range(commits):
        stream, before, events = history.grow()
        await store.events.append(stream, before, events, cause=CAUSE, time=clock.forward(seconds=0.7001))
    await seal(store)
    return history


async def seal(store: OpenStore) -> None:
    while await store.sealed_log.seal():
        pass


async def replay(store: OpenStore, last: int | None = None) -> ReplayReport:
    store.set(timeouts=Timeouts())
    return await store.make(FoldComparison).hash(last=last)


@pytest.mark.parametrize("seed", range(3))
async def test_the_hash_of_a_position_stays_while_the_log_grows(store: OpenStore, seed: int) -> None:
    history = await write(store, seed)
    first = await replay(store)
    assert first.state_hash == (await replay(store)).state_hash
    for _ in range(20):
        stream, before, events = history.grow()
        await store.events.append(stream, before, events, cause=CAUSE, time=Clock()())
    unsealed = await replay(store)
    assert (unsealed.position, unsealed.state_hash) == (first.position, first.state_hash)
    assert unsealed.events > first.events
    await seal(store)
    later = await replay(store)
    assert later.position > first.position
    assert later.state_hash != first.state_hash
    again = await replay(store, last=first.position)
    assert (again.position, again.state_hash) == (first.position, first.state_hash)


async def test_the_hash_does_not_depend_on_the_order_of_the_documents(store: OpenStore, copy_url: str) -> None:
    await write(store, 5)
    expected = (await replay(store)).state_hash
    async with open_store(copy_url, clock=Clock()) as copy:
        for name in ("commits", "log"):
            documents: list[Document] = await store.database[name].find({}).to_list(None)
            random.Random(1).shuffle(documents)
            await copy.database[name].insert_many(documents)
        assert (await replay(copy)).state_hash == expected


async def test_one_changed_event_changes_the_hash(store: OpenStore) -> None:
    history = await write(store, 7)
    expected = (await replay(store)).state_hash
    stream = next(name for name in history.streams if name.startswith("generation-"))
    commit = await store.database["commits"].find_one({"_id": f"{stream}:1"})
    assert commit is not None
    body = commit["body"].replace(b'"tier":"free_starter"', b'"tier":"free_storter"')
    assert body != commit["body"]
    await store.database["commits"].update_one({"_id": commit["_id"]}, {"$set": {"body": body}})
    found = list[UnreadableCommit]()
    changed = await store.make(FoldComparison).hash(on_unreadable=found.append)
    assert changed.state_hash != expected
    assert not found


async def test_a_position_that_the_log_does_not_have_is_unknown(store: OpenStore) -> None:
    await write(store, 1, commits=5)
    with pytest.raises(ExemplarError) as error:
        await replay(store, last=6)
    assert error.value.code is ErrorCode.UNKNOWN_POSITION
    assert (await replay(store, last=0)).position == 0
