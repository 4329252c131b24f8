"""The contract of the event store for both adapters, then what concerns MongoDB only."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from events.invocation import GenerationProgressed
from events.owner import CancelRequested
from store.commits.contract import EventStore
from store.commits.mongo import MongoEventStore
from store.errors import WrongExpectedVersionError
from store.mongo.connection import Database

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CAUSE = Cause(actor="actor:test", request_id="req-1")


def facts(*percents: int) -> list[Event]:
    return [GenerationProgressed(percent=percent) for percent in percents]


async def append(store: EventStore, stream: str, expected: int, *percents: int, time: datetime = NOON) -> Commit:
    return await store.append(stream, expected, facts(*percents), cause=CAUSE, time=time)


def percents_of(commits: Sequence[Commit]) -> list[int]:
    return [
        event.event.percent
        for commit in commits
        for event in commit.events
        if isinstance(event.event, GenerationProgressed)
    ]


class TestContract:
    async def test_appended_commits_are_read_back_unchanged(self, events: EventStore) -> None:
        first = await append(events, "s", 0, 10, 20)
        second = await append(events, "s", 2, 30)
        assert await events.read("s") == [first, second]
        assert (first.id, first.first, first.last) == ("s:1", 1, 2)
        assert [event.version for event in (*first.events, *second.events)] == [1, 2, 3]
        assert second.events[0].cause == CAUSE

    async def test_an_unknown_stream_is_empty(self, events: EventStore) -> None:
        assert await events.read("nothing") == []

    async def test_streams_with_a_common_prefix_are_separate(self, events: EventStore) -> None:
        await append(events, "generation-1", 0, 10)
        await append(events, "generation-10", 0, 20)
        assert percents_of(await events.read("generation-1")) == [10]

    async def test_a_commit_without_events_is_refused(self, events: EventStore) -> None:
        with pytest.raises(ValueError, match="at least one event"):
            await append(events, "s", 0)

    @pytest.mark.parametrize("expected", [0, 1, 3, 4, 50, -1])
    async def test_only_the_last_version_is_accepted(self, events: EventStore, expected: int) -> None:
        await append(events, "s", 0, 10, 20)
        with pytest.raises(WrongExpectedVersionError):
            await append(events, "s", expected, 99)
        await append(events, "s", 2, 30)
        assert percents_of(await events.read("s")) == [10, 20, 30]

    async def test_a_new_stream_cannot_begin_in_its_middle(self, events: EventStore) -> None:
        with pytest.raises(WrongExpectedVersionError):
            await append(events, "s", 3, 10)
        assert await events.read("s") == []

    @pytest.mark.parametrize(("after", "seen"), [(0, 2), (1, 2), (2, 2), (3, 1), (4, 1), (5, 0), (100, 0)], ids=str)
    async def test_read_after_a_version_returns_the_commits_behind_it(
        self, events: EventStore, after: int, seen: int
    ) -> None:
        await append(events, "s", 0, 10, 20, 30)
        await append(events, "s", 3, 40, 50)
        commits = await events.read("s", after=after)
        assert len(commits) == seen
        assert all(commit.last > after for commit in commits)

    async def test_twenty_writers_on_one_stream_leave_no_gap_and_no_duplicate(
        self, events: EventStore, kind: str
    ) -> None:
        each = 50 if kind == "memory" else 10  # every writer that lost the race reads and retries, which takes long

        async def write(writer: int) -> list[str]:
            won: list[str] = []
            version = 0
            while len(won) < each:
                try:
                    commit = await append(events, "s", version, writer * each + len(won))
                except WrongExpectedVersionError:
                    await asyncio.sleep(random.uniform(0, 0.04))  # as every writer that lost a race does
                    behind = await events.read("s", after=version)
                    version = behind[-1].last if behind else version
                else:
                    won.append(commit.id)
                    version = commit.last
            return won

        wins = [commit for won in await asyncio.gather(*map(write, range(20))) for commit in won]
        commits = await events.read("s")
        assert [commit.first for commit in commits] == list(range(1, 20 * each + 1))
        assert sorted(wins) == sorted(commit.id for commit in commits)
        assert sorted(percents_of(commits)) == list(range(20 * each))

    async def test_following_returns_the_next_commit_of_many_streams(self, events: EventStore) -> None:
        await append(events, "a", 0, 10, 20)
        second = await append(events, "a", 2, 30)
        await append(events, "a", 3, 40)
        first = await append(events, "b", 0, 50)
        await append(events, "c", 0, 60)
        found = await events.following({"a": 2, "b": 0, "c": 1, "nobody": 0})
        assert sorted(found, key=lambda commit: commit.stream) == [second, first]
        assert await events.following({}) == []

    async def test_types_returns_the_event_types_of_many_streams(self, events: EventStore) -> None:
        await append(events, "a", 0, 10, 20)
        await events.append("a", 2, [CancelRequested()], cause=CAUSE, time=NOON)
        await append(events, "b", 0, 50)
        found = await events.types(["a", "b", "nobody"])
        progressed = GenerationProgressed.type
        assert found == {"a": {progressed, CancelRequested.type}, "b": {progressed}}
        assert await events.types([]) == {}

    async def test_nothing_follows_a_version_in_the_middle_of_a_commit(self, events: EventStore) -> None:
        await append(events, "a", 0, 10, 20)
        await append(events, "a", 2, 30)
        assert await events.following({"a": 1}) == []

    async def test_many_streams_are_read_each_behind_a_version(self, events: EventStore) -> None:
        first = await append(events, "a", 0, 10, 20)
        second = await append(events, "a", 2, 30)
        third = await append(events, "a", 3, 40)
        other = await append(events, "b", 0, 50)
        assert await events.since({"a": 2, "b": 1, "c": 1}) == {"a": [second, third], "b": [], "c": []}
        assert await events.since({"a": 0, "b": 0, "c": 0}) == {"a": [first, second, third], "b": [other], "c": []}
        assert await events.since({"a": 4, "b": 0}) == {"a": [], "b": [other]}
        assert await events.since({}) == {}

    async def test_a_long_stream_is_read_to_its_end(self, events: EventStore) -> None:
        first = await append(events, "a", 0, 10)
        later = [await append(events, "a", version, 0, *range(size)) for version, size in ((1, 6), (8, 0), (9, 12))]
        later += [await append(events, "a", version, 1) for version in range(22, 40)]
        assert await events.since({"a": first.last}) == {"a": later}

    async def test_commits_are_read_stream_by_stream_in_order(self, events: EventStore) -> None:
        for stream in ("b", "a", "c"):
            await append(events, stream, 0, 1, time=NOON)
        for stream in ("c", "a"):
            await append(events, stream, 1, 2, 3, time=NOON - timedelta(hours=1))
        seen = [commit.id async for commit in events.commits()]
        assert seen == ["a:1", "a:2", "b:1", "c:1", "c:2"]


@pytest.fixture
async def store(database: Database) -> MongoEventStore:
    return MongoEventStore(database)


class LosesAnAnswer(MongoEventStore):
    """A store whose first insert arrives while its answer is lost."""

    async def _insert_once(self, *arguments: Any) -> list[Exception | int | None]:
        outcomes = await super()._insert_once(*arguments)
        self._insert_once = super()._insert_once  # type: ignore[method-assign]
        raise AutoReconnect(f"lost {outcomes}")


async def test_a_write_that_was_repeated_after_a_lost_answer_succeeds_once(database: Database) -> None:
    store = LosesAnAnswer(database)
    appended = await append(store, "s", 0, 10)
    assert await store.read("s") == [appended]


async def test_a_repeated_write_that_another_writer_overtook_is_a_conflict(
    database: Database, store: MongoEventStore
) -> None:
    await append(store, "s", 0, 10)
    with pytest.raises(WrongExpectedVersionError):
        await append(LosesAnAnswer(database), "s", 0, 10)


async def test_the_same_write_with_another_token_is_a_conflict(database: Database, store: MongoEventStore) -> None:
    await append(store, "s", 0, 10)
    with pytest.raises(WrongExpectedVersionError):
        await append(MongoEventStore(database), "s", 0, 10)


async def test_batched_appends_get_their_own_outcomes(
    store: MongoEventStore,
) -> None:
    names = [f"s{number % 20}" for number in range(60)]
    outcomes = await asyncio.gather(*(append(store, name, 0, 1) for name in names), return_exceptions=True)
    lost = [outcome for outcome in outcomes if isinstance(outcome, WrongExpectedVersionError)]
    assert len(lost) == 40
    assert {outcome.stream for outcome in outcomes if isinstance(outcome, Commit)} == set(names)


@pytest.mark.parametrize(
    "lie",
    [
        {"stream": "s2"},
        {"first": 7},
        {"last": 9},
        {"types": ["generation.completed"]},
        {"time": NOON + timedelta(seconds=1)},
    ],
    ids=lambda lie: next(iter(lie)),
)
async def test_a_field_that_contradicts_the_body_is_refused(
    database: Database, store: MongoEventStore, lie: dict[str, object]
) -> None:
    await append(store, "s", 0, 10)
    await append(store, "s", 1, 20, 30)
    await database.get_collection("commits").update_one({"_id": "s:2"}, {"$set": lie})
    with pytest.raises(ValueError, match="contradict"):
        [commit async for commit in store.commits()]


async def test_a_changed_body_is_refused(database: Database, store: MongoEventStore) -> None:
    await append(store, "s", 0, 10)
    other = await append(store, "other", 0, 10)
    await database.get_collection("commits").update_one({"_id": "s:1"}, {"$set": {"body": other.body}})
    with pytest.raises(ValueError, match="contradict"):
        await store.read("s")


async def test_microseconds_are_kept_in_the_body(store: MongoEventStore) -> None:
    moment = NOON + timedelta(microseconds=123_456)
    commit = await append(store, "s", 0, 10, time=moment)
    assert (await store.read("s"))[0].events[0].time == moment
    assert await store.read("s") == [commit]


async def test_batched_reads_get_their_own_streams_and_a_damaged_one_fails_alone(
    database: Database, store: MongoEventStore
) -> None:
    expected = {name: [await append(store, name, 0, 10)] for name in ("a", "b", "c")}
    await append(store, "bad", 0, 10)
    await database.get_collection("commits").update_one({"_id": "bad:1"}, {"$set": {"last": 9}})
    names = ["a", "b", "bad", "a", "c", "nothing"]
    read = await asyncio.gather(*map(store.read, names), return_exceptions=True)
    outcomes = dict(zip(names, read, strict=True))
    assert isinstance(outcomes.pop("bad"), ValueError)
    assert outcomes == {**expected, "nothing": []}
    assert read[0] is not read[3]


async def test_a_read_sees_earlier_appends_during_other_reads(
    store: MongoEventStore,
) -> None:
    async def append_and_read(name: str) -> bool:
        commit = await append(store, name, 0, 10)
        return await store.read(name) == [commit]

    assert all(await asyncio.gather(*(append_and_read(f"s{number}") for number in range(50))))


async def test_a_gap_is_refused_with_cached_stream_heads(store: MongoEventStore) -> None:
    await append(store, "s", 0, 10)
    await store.read("s")
    with pytest.raises(WrongExpectedVersionError):
        await append(store, "s", 2, 30)
    await append(store, "s", 1, 20)
    with pytest.raises(WrongExpectedVersionError):
        await append(store, "s", 1, 20)
