"""The rows are built anew beside those in use while the system goes on, and drift is looked for by schedule."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from actors.jobs.invariants import request_drift_report
from actors.jobs.row_rebuild import rebuild_rows
from domain.generation.generation import Generation
from store.audit.invariant_runs import InvariantRuns
from store.generations.projection import rows_of
from store.rebuild.row_rebuild import RowRebuild
from store.rebuild.runs import RebuildRuns
from store.runs import RunReplacedError
from tests.actors.harness import BY_TEST, TIMEOUTS, Harness


async def stored(harness: Harness) -> dict[str, Any]:
    rows = await harness.store.database["generations"].find({}).to_list(None)
    return {row["_id"]: row for row in rows}


async def expected(harness: Harness, *names: str) -> dict[str, Any]:
    generations: list[Generation] = [await harness.load(name) for name in names]
    rows = await rows_of(generations, harness.store.personal_data, TIMEOUTS)
    return {row.id: row.as_document() for row in rows}


async def seal(harness: Harness) -> None:
    while await harness.store.sealed_log.seal():
        pass


async def spoilt(harness: Harness, *names: str) -> None:
    """Write generations with rows that no projection corrects: one is of the future, one is gone, one a stranger."""
    for name in names:
        await harness.request(name)
    await harness.project(*names)
    await seal(harness)
    rows = harness.store.database["generations"]
    await rows.update_one({"_id": names[0]}, {"$set": {"version": 999, "status": "completed"}})
    await rows.delete_one({"_id": names[1]})
    await rows.insert_one({"_id": "stranger", "version": 1})


async def green_collections(harness: Harness) -> list[str]:
    return [name for name in await harness.store.database.list_collection_names() if "green" in name]


async def note(_done: int, _size: int) -> None: ...


def same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Compare rows by what tells them apart; MongoDB keeps milliseconds."""
    fields = ("version", "state", "status", "project", "labels")
    return {key: [row[name] for name in fields] for key, row in found.items()} == {
        key: [row[name] for name in fields] for key, row in wanted.items()
    }


async def test_a_rebuild_leaves_what_the_log_says_with_all_indexes(harness: Harness) -> None:
    await spoilt(harness, "g1", "g2", "g3")
    before = await harness.store.database["generations"].index_information()
    await harness.dependencies.get("rebuild_requests").request(cause=BY_TEST)
    assert await harness.run_job(rebuild_rows) == 1
    assert same(await stored(harness), await expected(harness, "g1", "g2", "g3"))
    assert await harness.store.database["generations"].index_information() == before
    runs: RebuildRuns = harness.dependencies.get("rebuild_runs")
    report = await runs.latest()
    assert report is not None
    assert (report.body["generations"], report.body["kept"], report.body["differing"]) == (3, 0, [])
    assert await runs.wanted() is None
    assert await green_collections(harness) == []


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "not sealed yet"])
async def test_what_is_written_during_a_rebuild_is_in_the_rows_after_it(harness: Harness, *, sealed: bool) -> None:
    await spoilt(harness, "g1", "g2")

    async def meanwhile(_done: int, _size: int) -> None:
        if await harness.generations.load("g3") is None:
            await harness.request("g3")
            await harness.fail("g1")
            await harness.project("g1", "g3")
            if sealed:
                await seal(harness)

    row_rebuild = harness.dependencies.get("row_rebuild", kind=RowRebuild)
    report = await row_rebuild.run(meanwhile)
    assert report.differing == (() if sealed else ("g1", "g3")), "it followed the log"
    await seal(harness)
    await harness.catch_up("projector")
    assert same(await stored(harness), await expected(harness, "g1", "g2", "g3"))


async def test_an_interrupted_rebuild_is_begun_anew(harness: Harness) -> None:
    await spoilt(harness, "g1", "g2")
    row_rebuild = harness.dependencies.get("row_rebuild", kind=RowRebuild)

    async def dies(_done: int, _size: int) -> None:
        raise RuntimeError

    before = await stored(harness)
    with pytest.raises(RuntimeError):
        await row_rebuild.run(dies)
    assert await stored(harness) == before, "the rows in use are untouched"
    assert await green_collections(harness) == []
    report = await row_rebuild.run(note)
    assert report.generations == 2
    assert same(await stored(harness), await expected(harness, "g1", "g2"))


async def test_a_rebuild_that_was_replaced_changes_nothing(harness: Harness) -> None:
    await spoilt(harness, "g1", "g2")
    await harness.dependencies.get("rebuild_requests").request(cause=BY_TEST)
    runs: RebuildRuns = harness.dependencies.get("rebuild_runs")
    row_rebuild = harness.dependencies.get("row_rebuild", kind=RowRebuild)
    began_at = await runs.begin()
    assert began_at is not None
    replaced = asyncio.Event()

    async def is_late() -> None:
        """The other scheduler begins and ends before this one swaps."""
        assert await runs.begin() is not None
        await row_rebuild.run(note)
        await harness.fail("g1")
        await harness.project("g1")
        replaced.set()
        await runs.require_current(began_at)

    with pytest.raises(RunReplacedError):
        await row_rebuild.run(note, before_swap=is_late)
    assert replaced.is_set()
    assert same(await stored(harness), await expected(harness, "g1", "g2")), "of the other, and of later writes"
    assert await green_collections(harness) == []


async def test_a_rebuild_that_stops_for_long_right_before_its_swap_cannot_swap(harness: Harness) -> None:
    await spoilt(harness, "g1", "g2")
    row_rebuild = harness.dependencies.get("row_rebuild", kind=RowRebuild)

    async def stops() -> None:
        await row_rebuild.run(note)
        await harness.fail("g1")
        await harness.project("g1")

    with pytest.raises(OperationFailure):
        await row_rebuild.run(note, before_swap=stops)
    assert same(await stored(harness), await expected(harness, "g1", "g2"))


async def test_a_run_that_was_replaced_notes_and_reports_nothing(harness: Harness) -> None:
    runs: RebuildRuns = harness.dependencies.get("rebuild_runs")
    await runs.request()
    first = await runs.begin()
    second = await runs.begin()
    assert first is not None
    assert second is not None
    await runs.note(second, 1, 2)
    for late in (runs.note(first, 5, 5), runs.complete(first, {"of": "the first"}), runs.require_current(first)):
        with pytest.raises(RunReplacedError):
            await late
    await runs.fail(first)
    wanted = await runs.wanted()
    assert wanted is not None
    assert (wanted.began_at, wanted.done, wanted.size) == (second, 1, 2)
    await runs.complete(second, {"of": "the second"})
    latest = await runs.latest()
    assert latest is not None
    assert (latest.body, await runs.wanted()) == ({"of": "the second"}, None)


class LostLeases:
    """Somebody else has every lease."""

    async def take(self, _job: str, *, seconds: float) -> bool:
        return False

    async def free(self) -> None: ...


async def test_a_run_ends_when_its_lease_is_lost(harness: Harness) -> None:
    await spoilt(harness, "g1", "g2")
    before = await stored(harness)
    await harness.dependencies.get("rebuild_requests").request(cause=BY_TEST)
    assert await harness.replace(leases=LostLeases()).run_job(rebuild_rows) == 0
    assert await stored(harness) == before


async def test_the_comparison_after_the_swap_keeps_the_lease_too(harness: Harness) -> None:
    await spoilt(harness, "g1", "g2")
    row_rebuild = harness.dependencies.get("row_rebuild", kind=RowRebuild)
    noted: list[tuple[int, list[str]]] = []

    async def noting(done: int, _size: int) -> None:
        noted.append((done, await green_collections(harness)))

    await row_rebuild.run(noting)
    assert noted[-1] == (4, []), "two were built, two compared"


async def test_drift_is_looked_for_by_schedule(harness: Harness) -> None:
    runs: InvariantRuns = harness.dependencies.get("invariant_runs")
    every = harness.replace(drift_report_every=timedelta(0))
    assert await every.run_job(request_drift_report) == 0, "an empty log has no drift"
    await harness.request("g1")
    await seal(harness)
    assert await harness.replace(drift_report_every=None).run_job(request_drift_report) == 0
    assert await harness.replace(drift_report_every=timedelta(hours=1)).run_job(request_drift_report) == 0
    assert await every.run_job(request_drift_report) == 1
    assert await runs.wanted() is not None
    assert await every.run_job(request_drift_report) == 0, "it is wanted already"
