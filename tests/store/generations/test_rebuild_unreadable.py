"""A rebuild names the streams that it cannot read, leaves their rows alone, and repairs all others."""

import pytest

from domain.generation.generation import stream_of
from store.adapters import create_indexes
from store.commits.mongo import MongoEventStore
from store.commits.unreadable import UnreadableCommit
from store.generations.mongo_personal_data import MongoPersonalData
from store.generations.mongo_projection import MongoProjection
from store.generations.personal_data import PersonalData
from store.generations.rebuild import RebuildReport, rebuild
from store.mongo.connection import Database
from tests.builders.damage import DAMAGE, Damage
from tests.builders.generation import TO_INTENDED, TO_WAITING, folded
from tests.store.generations.test_rebuild import NOON, TIMEOUTS, RebuildHarness
from tests.systems.databases import Once


@pytest.fixture
async def harness(database: Database, once: Once, mongodb_url: str) -> RebuildHarness:
    await create_indexes(database, [MongoEventStore, MongoProjection])
    harness = RebuildHarness(database)
    if not once.copied(mongodb_url):
        for generation in ("g1", "g2", "g3"):
            await harness.live(generation, TO_WAITING)
        once.keep(mongodb_url)
    return harness


async def again(harness: RebuildHarness) -> tuple[RebuildReport, list[UnreadableCommit]]:
    unreadable = list[UnreadableCommit]()
    report = await rebuild(
        harness.events, harness.personal_data, harness.rows, TIMEOUTS, on_unreadable=unreadable.append
    )
    return report, unreadable


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("generation", ["g1", "g2", "g3"])
async def test_an_unreadable_stream_is_named_and_keeps_its_row(
    harness: RebuildHarness, database: Database, damage: Damage, generation: str
) -> None:
    others = sorted({"g1", "g2", "g3"} - {generation})
    before = await harness.rows.stored(["g1", "g2", "g3"])
    await damage.do(database, generation)
    await harness.rows_as_stored.update_many({"_id": {"$in": others}}, {"$set": {"status": "completed"}})

    report, unreadable = await again(harness)

    assert report == RebuildReport(2, 3, tuple(others))
    assert [(one.stream, one.version) for one in unreadable] == [(stream_of(generation), damage.version)]
    assert await harness.rows.stored(["g1", "g2", "g3"]) == before


async def test_rows_without_a_stream_are_removed_beside_an_unreadable_one(
    harness: RebuildHarness, database: Database
) -> None:
    await DAMAGE["first body"].do(database, "g1")
    await harness.rows_as_stored.insert_one({"_id": "stranger", "version": 1})
    report, unreadable = await again(harness)
    assert (report.differing, len(unreadable)) == (("stranger",), 1)


async def test_an_unreadable_stream_of_another_kind_is_named_too(harness: RebuildHarness, database: Database) -> None:
    await database["commits"].insert_one({"_id": "webhook-1:1", "stream": "webhook-1", "first": 1})
    report, [unreadable] = await again(harness)
    assert (report, unreadable.stream) == (RebuildReport(3, 3, ()), "webhook-1")


@pytest.mark.parametrize("change", [{"$set": {"metadata": "{"}}, {"$unset": {"instructions": 1}}])
async def test_damaged_personal_data_stop_no_rebuild(
    harness: RebuildHarness, database: Database, change: dict[str, dict[str, object]]
) -> None:
    token = folded(TO_INTENDED).request.personal_data
    of_a_gateway = MongoPersonalData(database)
    await of_a_gateway.put(PersonalData("g1", token, b"s", "{}", (), NOON, metadata={"order": 7}))
    await database["personal_data"].update_one({"generation": "g1"}, change)
    await harness.rows_as_stored.update_one({"_id": "g2"}, {"$set": {"status": "completed"}})
    assert (await again(harness))[0] == RebuildReport(3, 3, ("g2",))
