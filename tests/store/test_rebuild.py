from datetime import UTC, datetime, timedelta

import pytest

from domain.generation.fold import fold
from domain.generation.generation import stream_of
from domain.generation.lifecycle import Timeouts
from events.envelope import Cause
from events.event import Event
from events.generation import GenerationErased, GenerationPublished, QuotaSettled
from store.adapters import create_indexes
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


class House:
    """A log, its rows, and a projector that writes what it is told to."""

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


@pytest.fixture
async def house(database: Database) -> House:
    await create_indexes(database, [MongoEventStore, MongoProjection])
    house = House(database)
    for generation, facts in STREAMS.items():
        await house.live(generation, facts)
    return house


async def test_rows_projected_one_by_one_are_byte_for_byte_what_the_log_says(house: House) -> None:
    assert await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS) == RebuildReport(5, 5, ())


async def test_labels_of_metadata_are_rebuilt_from_the_words_and_end_with_the_erasure(house: House) -> None:
    token = folded(TO_STARTED).request.personal_data
    for generation in ("g1", "g3"):
        await house.personal_data.put(
            PersonalData(generation, token, b"s", "{}", (), NOON, metadata={"order": 7})
        )
    assert (await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS)).differing == ("g3",)
    assert await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS) == RebuildReport(5, 5, ())
    stored = await house.rows.stored(["g1", "g3"])
    assert [len(stored[generation]["labels"]) for generation in ("g1", "g3")] == [0, 1]
    assert stored["g3"]["request_id"] == "r-g3-0"


async def test_other_streams_have_no_rows(house: House) -> None:
    await house.events.append("webhook-1", 0, [CANCELED], cause=Cause(actor="x"), time=NOON)
    assert await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS) == RebuildReport(5, 5, ())


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
async def test_a_row_that_differs_in_anything_is_found_and_mended(
    house: House, damage: dict[str, dict[str, object]]
) -> None:
    before = await house.rows.stored(list(STREAMS))
    await house.rows_as_stored.update_one({"_id": "g3"}, damage)
    seen = await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS, repair=False)
    assert seen == RebuildReport(5, 5, ("g3",))
    assert await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS) == seen
    assert await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS) == RebuildReport(5, 5, ())
    assert await house.rows.stored(list(STREAMS)) == before


async def test_rows_that_were_lost_come_back(house: House) -> None:
    before = await house.rows.stored(list(STREAMS))
    await house.rows_as_stored.delete_many({})
    report = await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS)
    assert report == RebuildReport(5, 0, tuple(STREAMS))
    assert await house.rows.stored(list(STREAMS)) == before


async def test_a_row_behind_its_stream_is_brought_forward(house: House) -> None:
    await house.live("g6", TO_INTENDED[:1])
    await house.events.append(
        stream_of("g6"), 1, TO_INTENDED[1:3], cause=Cause(actor="x"), time=NOON + timedelta(seconds=9)
    )
    assert (await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS)).differing == ("g6",)
    assert (await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS)).differing == ()


async def test_a_row_without_a_stream_is_found_and_removed(house: House) -> None:
    await house.rows_as_stored.insert_one({"_id": "stranger", "version": 1})
    assert await rebuild(
        house.events, house.personal_data, house.rows, TIMEOUTS, repair=False
    ) == RebuildReport(5, 6, ("stranger",))
    await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS)
    assert await rebuild(house.events, house.personal_data, house.rows, TIMEOUTS) == RebuildReport(5, 5, ())


async def test_a_row_that_moved_on_meanwhile_is_left_as_it_is(house: House) -> None:
    old = (await house.rows.stored(["g3"]))["g3"]
    commits = await house.events.read(stream_of("g3"))
    stale = fold(event for commit in commits for event in commit.events)
    assert stale is not None
    await house.events.append(stream_of("g3"), 4, [CANCELED], cause=Cause(actor="x"), time=NOON)
    await house.project("g3")
    await house.rows.replace([row_of(stale, TIMEOUTS, {})], {"g3": old})
    await house.rows.replace([row_of(stale, TIMEOUTS, {})], {})
    assert (await house.rows.stored(["g3"]))["g3"]["version"] == 5
