"""Appends that the server refuses: for a while, or each time."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from pymongo.errors import NotPrimaryError, OperationFailure

from events.commit import Commit
from events.envelope import Cause
from events.invocation import GenerationProgressed, GenerationStarted
from store.commits.insert_faults import DuplicateError, TakenError, insert_fault
from store.commits.mongo import MongoEventStore
from store.errors import StoreUnavailableError, WriteRefusedError
from store.mongo.connection import Database, Document, is_transient
from store.mongo.transactions import CommitOutcomeUnknownError
from tests.builders.generation import started
from tests.store.lossy_proxy import LossyProxy

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CAUSE = Cause(actor="actor:test")
NO_ANSWER = (6, 7, 50, 89, 202, 262, 9001, 91331)
RETRIABLE = (91, 133, 134, 189, 402, 462, 10107, 11600, 11602, 13435, 13436, 14031)
IN_THE_WAY = (24, 279, 358, 371, 406, 412, 453, 11601, 50915, 10045600)
FINAL = (2, 13, 121, 10334)


@pytest.fixture
def events(database: Database) -> MongoEventStore:
    return MongoEventStore(database)


async def append(store: MongoEventStore, stream: str, event: GenerationProgressed | GenerationStarted) -> Commit:
    return await store.append(stream, 0, [event], cause=CAUSE, time=NOON)


async def test_a_refused_commit_is_not_unavailable_and_fails_no_other(
    database: Database, events: MongoEventStore
) -> None:
    await database.command("collMod", "commits", validator={"stream": {"$ne": "refused"}})
    try:
        appends = [append(events, name, GenerationProgressed(percent=1)) for name in ("first", "refused", "second")]
        first, refused, second = await asyncio.gather(*appends, return_exceptions=True)
    finally:
        await database.command("collMod", "commits", validator={})
    assert [type(first), type(second)] == [Commit, Commit]
    assert isinstance(refused, WriteRefusedError)
    assert str(refused) == "the append is refused with code 121"
    assert [len(await events.read(name)) for name in ("first", "refused", "second")] == [1, 0, 1]


async def test_a_commit_that_is_too_large_is_refused_and_fails_no_other(events: MongoEventStore) -> None:
    large = started(prediction="x" * (17 * 2**20))
    refused, fine = await asyncio.gather(
        append(events, "large", large), append(events, "small", GenerationProgressed(percent=1)), return_exceptions=True
    )
    assert isinstance(refused, WriteRefusedError), repr(refused)[:200]
    assert isinstance(fine, Commit)


async def test_a_repeat_that_is_refused_does_not_hide_what_the_first_insert_stored(
    proxy: LossyProxy, proxied_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MongoEventStore(proxied_database)
    again = store._insert_again

    async def refused(documents: Sequence[Document]) -> list[Exception | int | None]:
        await proxied_database.command("collMod", "commits", validator={"stream": "another"})
        return await again(documents)

    monkeypatch.setattr(store, "_insert_again", refused)
    await append(store, "another", GenerationProgressed(percent=1))
    proxy.lose_answers = 1
    try:
        commit = await append(store, "s", GenerationProgressed(percent=1))
    finally:
        await proxied_database.command("collMod", "commits", validator={})
    assert await store.read("s") == [commit]


@pytest.mark.parametrize("code", RETRIABLE + IN_THE_WAY)
def test_what_may_be_gone_when_it_is_sent_again_is_unavailable(code: int) -> None:
    assert isinstance(insert_fault({"code": code, "errmsg": ""}, DuplicateError), StoreUnavailableError)
    assert is_transient(OperationFailure("", code))


@pytest.mark.parametrize("code", NO_ANSWER)
def test_what_a_shard_has_not_answered_may_be_stored(code: int) -> None:
    assert isinstance(insert_fault({"code": code, "errmsg": ""}, TakenError), CommitOutcomeUnknownError)
    assert is_transient(OperationFailure("", code))


@pytest.mark.parametrize("code", FINAL)
def test_what_fails_each_time_is_refused(code: int) -> None:
    assert isinstance(insert_fault({"code": code, "errmsg": ""}, DuplicateError), WriteRefusedError)
    assert not is_transient(OperationFailure("", code))


def test_a_server_can_call_an_unknown_code_retriable() -> None:
    assert is_transient(OperationFailure("", 999_999, {"errorLabels": ["RetryableError"]}))
    assert is_transient(NotPrimaryError(""))
