"""Commits that are appended together with other documents, in one MongoDB transaction."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError, OperationFailure

from events.commit import Commit
from events.envelope import Cause
from events.invocation import GenerationProgressed
from store.adapters import create_indexes
from store.commits.contract import Write
from store.commits.memory import MemoryEventStore
from store.commits.mongo import MongoEventStore
from store.errors import OutcomeUnknownError, StoreUnavailableError, WrongExpectedVersionError
from store.mongo.connection import Database
from store.mongo.transactions import Session

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CAUSE = Cause(actor="actor:test")


@pytest.fixture
def mongodb_url(unprepared_url: str) -> str:
    return unprepared_url


@pytest.fixture
async def events(database: Database) -> MongoEventStore:
    await create_indexes(database, [MongoEventStore])
    store = MongoEventStore(database)
    await database["beside"].create_index("name", unique=True)
    return store


async def append(store: MongoEventStore, stream: str, expected: int, write: Write) -> Commit:
    event = GenerationProgressed(percent=1)
    return await store.append(stream, expected, [event], cause=CAUSE, time=NOON, write=write)


def insert(database: Database, name: str) -> Write:
    async def write(commit: Commit, session: Session) -> None:
        await database["beside"].insert_one({"_id": commit.id, "name": name}, session=session)

    return write


async def stored(database: Database, store: MongoEventStore, stream: str) -> tuple[int, list[str]]:
    """Return how many commits a stream has, and the names of the documents beside all streams."""
    names = [document["name"] async for document in database["beside"].find().sort("name")]
    return len(await store.read(stream)), names


async def test_a_commit_and_its_documents_are_stored_together(database: Database, events: MongoEventStore) -> None:
    commit = await append(events, "s", 0, insert(database, "ada"))
    assert commit.id == "s:1"
    assert await stored(database, events, "s") == (1, ["ada"])
    await append(events, "s", 1, insert(database, "bob"))
    assert await stored(database, events, "s") == (2, ["ada", "bob"])


@pytest.mark.parametrize("error", [ValueError("refused"), asyncio.CancelledError()])
async def test_an_exception_behind_the_writes_leaves_neither_commit_nor_document(
    database: Database, events: MongoEventStore, error: BaseException
) -> None:
    async def write(commit: Commit, session: Session) -> None:
        await insert(database, "ada")(commit, session)
        raise error

    with pytest.raises(type(error)):
        await append(events, "s", 0, write)
    assert await stored(database, events, "s") == (0, [])
    await append(events, "s", 0, insert(database, "ada"))


async def test_a_duplicate_document_aborts_the_commit(database: Database, events: MongoEventStore) -> None:
    await append(events, "s", 0, insert(database, "ada"))
    with pytest.raises(DuplicateKeyError):
        await append(events, "t", 0, insert(database, "ada"))
    assert await stored(database, events, "t") == (0, ["ada"])


async def test_a_lost_race_for_the_version_undoes_the_documents(database: Database, events: MongoEventStore) -> None:
    names = [str(number) for number in range(8)]
    outcomes = await asyncio.gather(
        *(append(events, "s", 0, insert(database, name)) for name in names), return_exceptions=True
    )
    won = [name for name, outcome in zip(names, outcomes, strict=True) if isinstance(outcome, Commit)]
    assert len(won) == 1
    assert sum(isinstance(outcome, WrongExpectedVersionError) for outcome in outcomes) == 7
    assert await stored(database, events, "s") == (1, won)


async def test_a_version_that_an_open_transaction_writes_is_a_lost_race_at_once(
    database: Database, events: MongoEventStore
) -> None:
    calls: list[str] = []

    async def other(commit: Commit, session: Session) -> None:
        calls.append(commit.id)

    async def write(commit: Commit, session: Session) -> None:
        await insert(database, "ada")(commit, session)
        with pytest.raises(WrongExpectedVersionError):
            await append(events, "s", 0, other)

    await append(events, "s", 0, write)
    assert calls == []
    assert await stored(database, events, "s") == (1, ["ada"])


async def test_of_concurrent_commits_with_one_unique_document_one_is_stored(
    database: Database, events: MongoEventStore
) -> None:
    outcomes = await asyncio.gather(
        *(append(events, f"s{number}", 0, insert(database, "ada")) for number in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Commit) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, DuplicateKeyError) for outcome in outcomes) == 7
    assert sum([len(await events.read(f"s{number}")) for number in range(8)]) == 1


def failing(label: str, times: int, database: Database) -> tuple[Write, list[int]]:
    """Make a write that fails `times` times with an error that the driver labels, and counts its calls."""
    calls: list[int] = []

    async def write(commit: Commit, session: Session) -> None:
        await insert(database, "ada")(commit, session)
        calls.append(1)
        if len(calls) <= times:
            raise OperationFailure("not now", 112, {"errorLabels": [label], "code": 112})

    return write, calls


async def test_a_transient_error_is_tried_again(database: Database, events: MongoEventStore) -> None:
    write, calls = failing("TransientTransactionError", 2, database)
    await append(events, "s", 0, write)
    assert len(calls) == 3
    assert await stored(database, events, "s") == (1, ["ada"])


async def test_an_error_that_stays_transient_says_that_nothing_was_done(
    database: Database, events: MongoEventStore
) -> None:
    write, _ = failing("TransientTransactionError", 1000, database)
    with pytest.raises(StoreUnavailableError) as caught:
        await append(events, "s", 0, write)
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert await stored(database, events, "s") == (0, [])


@pytest.mark.parametrize("committed", [True, False])
async def test_an_unknown_commit_result_is_settled_by_the_stored_writer(
    database: Database, events: MongoEventStore, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    async def lost(session: Any, commit: Any = Session.commit_transaction) -> None:
        await (commit(session) if committed else session.abort_transaction())
        raise OperationFailure("lost", 64, {"errorLabels": ["UnknownTransactionCommitResult"], "code": 64})

    monkeypatch.setattr(Session, "commit_transaction", lost)
    if committed:
        assert (await append(events, "s", 0, insert(database, "ada"))).id == "s:1"
    else:
        with pytest.raises(OutcomeUnknownError):
            await append(events, "s", 0, insert(database, "ada"))
    assert await stored(database, events, "s") == ((1, ["ada"]) if committed else (0, []))


async def test_a_transaction_that_its_process_left_open_leaves_nothing(
    database: Database, events: MongoEventStore
) -> None:
    async def write(commit: Commit, session: Session) -> None:
        await insert(database, "ada")(commit, session)
        await database.client.admin.command("killSessions", [session.session_id])
        await database["beside"].find_one({}, session=session)

    with pytest.raises(StoreUnavailableError):
        await append(events, "s", 0, write)
    assert await stored(database, events, "s") == (0, [])
    await append(events, "s", 0, insert(database, "ada"))


async def test_in_memory_an_error_of_the_write_aborts_the_append_as_well() -> None:
    events, written = MemoryEventStore(), list[Commit]()

    async def write(commit: Commit, _: Any) -> None:
        written.append(commit)

    async def fail(_: Commit, __: Any) -> None:
        raise LookupError

    progressed = [GenerationProgressed(percent=1)]
    with pytest.raises(LookupError):
        await events.append("s", 0, progressed, cause=CAUSE, time=NOON, write=fail)
    assert await events.read("s") == []
    commit = await events.append("s", 0, progressed, cause=CAUSE, time=NOON, write=write)
    assert written == await events.read("s") == [commit]
