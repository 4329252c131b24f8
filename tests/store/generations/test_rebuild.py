from datetime import UTC, datetime, timedelta

import pytest

from domain.generation.fold import fold
from domain.generation.generation import stream_of
from domain.generation.lifecycle import Timeouts
from events.envelope import Cause
from events.event import Event
from events.owner import GenerationErased, GenerationPublished
from events.quota import QuotaSettled
from store.commits.mongo import MongoEventStore
from store.generations.mongo_personal_data import MongoPersonalData
from store.generations.mongo_projection import MongoProjection
from store.generations.personal_data import PersonalData
from store.generations.projection import row_of, rows_of
from store.generations.rebuild import RebuildReport, rebuild
from store.mongo.connection import Database
from tests.builders.generation import (
    CANCELED,
    TO_COMPLETED,
    TO_FAILED,
    TO_INTENDED,
    TO_STARTED,
    TO_WAITING,
    folded,
)
from tests.systems.databases import Once

TIMEOUTS = Timeouts()
NOON = datetime(2026, 11, 20, 12, 0, 0, 123_456, tzinfo=UTC)
ENDED = (
    *TO_COMPLETED,
    QuotaSettled(period="2026-11", outcome="spent"),
    GenerationPublished(is_public=True),
    GenerationErased(),
)
STREAMS: dict[str, tuple[Event, ...]] = {
    "g1": ENDED,
    "g2": TO_FAILED,
    "g3": TO_INTENDED,
    "g4": TO_WAITING,
    "g5": (*TO_STARTED, CANCELED),
}


class RebuildHarness:
    """A log, its rows, and a projection that a test drives."""

    def __init__(self, database: Database) -> None:
        self.rows_as_stored = database.get_collection("generations")
        self.events = MongoEventStore(database)
        self.rows = MongoProjection(database)
        self.personal_data = MongoPersonalData(database)

    async def live(self, generation: str, facts: tuple[Event, ...], *, project: bool = True) -> None:
        for version, fact in enumerate(facts):
            moment = NOON + timedelta(seconds=version)
            stream = stream_of(generation)
            await self.events.append(
                stream,
                version,
                [fact],
                cause=Cause(actor="x", request_id=f"r-{generation}-{version}"),
                time=moment,
            )
            if project:
                await self.project(generation)

    async def project(self, generation: str) -> None:
        commits = await self.events.read(stream_of(generation))
        folded = fold(event for commit in commits for event in commit.events)
        assert folded is not None
        await self.rows.write(await rows_of([folded], self.personal_data, TIMEOUTS))

    async def rebuild(self, *, repair: bool = True) -> RebuildReport:
        return await rebuild(self.events, self.personal_data, self.rows, TIMEOUTS, repair=repair)


@pytest.fixture
async def harness(database: Database, once: Once, mongodb_url: str) -> RebuildHarness:
    harness = RebuildHarness(database)
    if not once.copied(mongodb_url):
        for generation, facts in STREAMS.items():
            await harness.live(generation, facts)
        once.keep(mongodb_url)
    return harness


async def test_projected_rows_equal_rebuilt_rows_byte_for_byte(harness: RebuildHarness) -> None:
    assert await harness.rebuild() == RebuildReport(5, 5, ())


async def test_labels_are_rebuilt_from_personal_data_and_end_with_erasure(harness: RebuildHarness) -> None:
    token = folded(TO_STARTED).request.personal_data
    for generation in ("g1", "g3"):
        await harness.personal_data.put(PersonalData(generation, token, b"s", "{}", (), NOON, metadata={"order": 7}))
    assert (await harness.rebuild()).differing == ("g3",)
    assert await harness.rebuild() == RebuildReport(5, 5, ())
    stored = await harness.rows.stored(["g1", "g3"])
    assert [len(stored[generation]["labels"]) for generation in ("g1", "g3")] == [0, 1]
    assert stored["g3"]["request_id"] == "r-g3-0"


async def test_other_streams_have_no_rows(harness: RebuildHarness) -> None:
    await harness.events.append("webhook-1", 0, [CANCELED], cause=Cause(actor="x"), time=NOON)
    assert await harness.rebuild() == RebuildReport(5, 5, ())


@pytest.mark.parametrize(
    "damage",
    [
        {"$set": {"status": "completed"}},
        {"$set": {"version": 99}},
        {"$set": {"attempt": 1.0}},
        {"$set": {"prompt": "a cat"}},
        {"$unset": {"quota": ""}},
        {"$unset": {"version": ""}},
        {"$set": {"created_at": NOON + timedelta(milliseconds=1)}},
    ],
    ids=str,
)
async def test_a_row_that_differs_is_found_and_repaired(
    harness: RebuildHarness, damage: dict[str, dict[str, object]]
) -> None:
    before = await harness.rows.stored(list(STREAMS))
    await harness.rows_as_stored.update_one({"_id": "g3"}, damage)
    seen = await harness.rebuild(repair=False)
    assert seen == RebuildReport(5, 5, ("g3",))
    assert await harness.rebuild() == seen
    assert await harness.rebuild() == RebuildReport(5, 5, ())
    assert await harness.rows.stored(list(STREAMS)) == before


async def test_lost_rows_are_restored(harness: RebuildHarness) -> None:
    before = await harness.rows.stored(list(STREAMS))
    await harness.rows_as_stored.delete_many({})
    report = await harness.rebuild()
    assert report == RebuildReport(5, 0, tuple(STREAMS))
    assert await harness.rows.stored(list(STREAMS)) == before


async def test_a_row_behind_its_stream_is_updated(harness: RebuildHarness) -> None:
    await harness.live("g6", TO_INTENDED[:1])
    await harness.events.append(
        stream_of("g6"), 1, TO_INTENDED[1:3], cause=Cause(actor="x"), time=NOON + timedelta(seconds=9)
    )
    assert (await harness.rebuild()).differing == ("g6",)
    assert (await harness.rebuild()).differing == ()


async def test_a_row_without_a_stream_is_found_and_removed(harness: RebuildHarness) -> None:
    await harness.rows_as_stored.insert_one({"_id": "stranger", "version": 1})
    assert await rebuild(harness.events, harness.personal_data, harness.rows, TIMEOUTS, repair=False) == RebuildReport(
        5, 6, ("stranger",)
    )
    await harness.rebuild()
    assert await harness.rebuild() == RebuildReport(5, 5, ())


async def test_a_row_that_changed_meanwhile_is_left_unchanged(harness: RebuildHarness) -> None:
    old = (await harness.rows.stored(["g3"]))["g3"]
    commits = await harness.events.read(stream_of("g3"))
    stale = fold(event for commit in commits for event in commit.events)
    assert stale is not None
    await harness.events.append(stream_of("g3"), 4, [CANCELED], cause=Cause(actor="x"), time=NOON)
    await harness.project("g3")
    await harness.rows.replace([row_of(stale, TIMEOUTS, {})], {"g3": old})
    await harness.rows.replace([row_of(stale, TIMEOUTS, {})], {})
    assert (await harness.rows.stored(["g3"]))["g3"]["version"] == 5
