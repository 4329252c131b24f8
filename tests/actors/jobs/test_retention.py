"""Pictures and personal data are deleted when they are older than they are kept."""

from datetime import timedelta

import pytest

from actors.jobs import retention
from actors.jobs.retention import delete_old_personal_data, delete_old_pictures
from store.generations import mongo_blobs
from tests.actors.harness import Harness


async def test_personal_data_are_deleted_some_days_after_the_end(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_PAGE", 2)
    names = [f"g{number}" for number in range(5)]
    for name in ("running", *names):
        await harness.request(name)
    for name in names:
        await harness.fail(name)
    await harness.project("running", *names)
    rows = harness.store.database.get_collection("generations")
    await rows.update_many({}, {"$set": {"labels": ["hash"]}})
    harness = harness.replace(keep_personal_data_days=30)
    harness.clock.forward(days=29)
    assert await harness.run_job(delete_old_personal_data) == 0

    harness.clock.forward(days=2)

    assert await harness.run_job(delete_old_personal_data) == 5
    kept = [name for name in ("running", *names) if await harness.store.personal_data.get(name, "token-1")]
    assert kept == ["running"]
    assert [row["_id"] async for row in rows.find({"labels": "hash"})] == ["running"]


async def test_personal_data_are_kept_for_ever_by_default(harness: Harness) -> None:
    await harness.request("g1")
    await harness.fail("g1")
    await harness.project("g1")
    harness.clock.forward(days=5000)

    assert await harness.replace(keep_personal_data_days=None).run_job(delete_old_personal_data) == 0

    assert await harness.store.personal_data.get("g1", "token-1") is not None


async def test_old_pictures_are_deleted_a_batch_at_a_time(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongo_blobs, "_DELETED_AT_ONCE", 2)
    for number in range(5):
        await harness.request(f"g{number}")
    harness = harness.replace(keep_pictures_days=90, keep_examples_days=30)
    harness.clock.forward(seconds=timedelta(days=31).total_seconds())

    assert await harness.run_job(delete_old_pictures) == 5

    assert await harness.store.database.get_collection("blobs").count_documents({}) == 0
