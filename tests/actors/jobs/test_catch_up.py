"""Catch-up subscribers that fail or hang, and commits that cannot be handled."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from structlog.typing import EventDict
from typer.testing import CliRunner

from actors.jobs.schedule import Job
from actors.jobs.scheduler import Scheduler
from actors.jobs.subscribers import SUBSCRIBERS
from domain.generation.generation import Generation
from exemplar.cli import app
from store.errors import StoreUnavailableError
from store.quota.admission import Admission
from tests.actors.harness import Harness
from tests.systems.waiting import until


class FailingAdmission(Admission):
    """Settles every generation but those in `failures`."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness.store.ledger, harness.generations, clock=harness.clock)
        self.failures: dict[str, Exception] = {}
        self.settled: list[str] = []
        self.lines: list[EventDict] = []

    async def settle(self, generation: Generation) -> None:
        self.settled.append(generation.id)
        if generation.id in self.failures:
            raise self.failures[generation.id]
        await super().settle(generation)


@pytest.fixture
def admission(harness: Harness) -> FailingAdmission:
    return FailingAdmission(harness)


@pytest.fixture
async def failed(harness: Harness, admission: FailingAdmission) -> AsyncIterator[Harness]:
    """Three generations that failed and are not settled."""
    harness = harness.replace(admission=admission)
    for name in ("g1", "g2", "g3"):
        await harness.request(name)
        await harness.fail(name)
    await harness.store.sealed_log.seal()
    with structlog.testing.capture_logs() as admission.lines:
        yield harness


async def is_settled(harness: Harness, name: str) -> bool:
    """Tell whether the quota is settled in the log and in the ledger."""
    account = await harness.store.ledger.account("dev-1")
    return (await harness.load(name)).quota != "held" and not account.holds(name)


async def settled(harness: Harness) -> list[str]:
    return [name for name in ("g1", "g2", "g3") if await is_settled(harness, name)]


async def test_a_commit_that_cannot_be_handled_is_parked_and_later_ones_are_handled(
    failed: Harness, admission: FailingAdmission
) -> None:
    admission.failures["g2"] = RuntimeError("it fails")

    await failed.catch_up("settlement")

    assert await settled(failed) == ["g1", "g3"]
    assert await failed.store.subscriptions.position("settlement") == await failed.store.sealed_log.head()
    (parked,) = await failed.store.parking.all()
    assert (parked.subscriber, parked.error, parked.tries) == ("settlement", "RuntimeError", 1)
    [line] = [line for line in admission.lines if line["event"] == "commit_parked"]
    assert (line["commit"], line["log_level"]) == (parked.commit, "warning")
    assert not line["exc_info"], "the broker has logged the trace"
    assert "subscriber_failed" not in {line["event"] for line in admission.lines}, "the fault is logged once"


async def test_a_parked_commit_is_retried_with_growing_delays_until_it_is_handled(
    failed: Harness, admission: FailingAdmission
) -> None:
    admission.failures["g2"] = RuntimeError("it fails")
    await failed.catch_up("settlement")
    pauses = []
    for _ in range(12):
        (parked,) = await failed.store.parking.all()
        pauses.append(round((parked.due_at - failed.clock()).total_seconds(), -1))
        admission.settled.clear()
        await failed.catch_up("settlement")
        assert admission.settled == [], "it was tried before its time"
        failed.clock.forward(seconds=pauses[-1] + 10)
        await failed.catch_up("settlement")
        assert admission.settled == ["g2"]
    assert pauses == sorted(pauses)
    assert pauses[-2:] == [3600, 3600]

    admission.failures.clear()
    failed.clock.forward(hours=2)
    await failed.catch_up("settlement")
    assert await settled(failed) == ["g1", "g2", "g3"]
    assert await failed.store.parking.all() == []


async def test_an_unavailable_store_parks_nothing_and_moves_no_position(
    failed: Harness, admission: FailingAdmission
) -> None:
    admission.failures["g2"] = StoreUnavailableError("unavailable")
    with pytest.raises(StoreUnavailableError):
        await failed.catch_up("settlement")
    assert await failed.store.parking.all() == []
    assert await failed.store.subscriptions.position("settlement") == 0

    admission.failures.clear()
    await failed.catch_up("settlement")
    assert await settled(failed) == ["g1", "g2", "g3"]


async def test_a_hanging_subscriber_does_not_stop_another(failed: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = asyncio.Event()

    async def hang(entries: Any) -> None:
        hanging.set()
        await asyncio.Event().wait()

    monkeypatch.setitem(SUBSCRIBERS, "cancellation", hang)
    jobs = [Job(name, 0.01, failed.subscriber(name).run) for name in ("settlement", "cancellation")]
    scheduler = Scheduler(jobs, failed.store.leases)
    scheduler.start()
    try:
        async with asyncio.timeout(30):
            await hanging.wait()
            await failed.request("g4")
            await failed.fail("g4")
            await failed.store.sealed_log.seal()
            await until(lambda: is_settled(failed, "g4"), "the other subscriber continues")
    finally:
        await scheduler.stop(grace=0.1)
    assert await settled(failed) == ["g1", "g2", "g3"]


async def test_a_row_that_the_store_refuses_stops_no_other_generation(failed: Harness) -> None:
    database, log = failed.store.database, failed.store.sealed_log
    await database["generations"].delete_many({})
    await database.command("collMod", "generations", validator={"_id": {"$ne": "g2"}})
    try:
        await failed.catch_up("projector")
        parked = await failed.store.parking.all()
    finally:
        await database.command("collMod", "generations", validator={})
    assert sorted(await database["generations"].distinct("_id")) == ["g1", "g3"]
    assert {one.error for one in parked} == {"WriteRefusedError: write failed with codes {121}"}
    assert {one.commit.rpartition(":")[0] for one in parked} == {"generation-g2"}
    assert await failed.store.subscriptions.position("projector") == await log.head()

    failed.clock.forward(hours=2)
    await failed.catch_up("projector")
    assert await failed.store.parking.all() == []
    assert sorted(await database["generations"].distinct("_id")) == ["g1", "g2", "g3"]


async def test_a_commit_that_the_store_refuses_stops_no_other_generation(failed: Harness) -> None:
    database = failed.store.database
    await database.command("collMod", "commits", validator={"_id": {"$not": {"$regex": "^generation-g2:"}}})
    try:
        await failed.catch_up("settlement")
        (parked,) = await failed.store.parking.all()
    finally:
        await database.command("collMod", "commits", validator={})
    assert await settled(failed) == ["g1", "g3"]
    assert parked.error == "WriteRefusedError: the append is refused with code 121"

    failed.clock.forward(hours=2)
    await failed.catch_up("settlement")
    assert await settled(failed) == ["g1", "g2", "g3"]


async def test_a_step_back_of_the_clock_does_not_keep_parked_commits_waiting(
    failed: Harness, admission: FailingAdmission
) -> None:
    admission.failures["g1"] = RuntimeError("it fails")
    subscriber = failed.subscriber("settlement")
    failed.clock.step(hours=1)
    await subscriber.run()
    failed.clock.step(hours=-1)
    admission.failures.clear()
    await failed.store.database["parked"].update_many({}, {"$set": {"due_at": failed.clock()}})
    failed.clock.forward(seconds=6)
    await subscriber.run()
    assert await is_settled(failed, "g1")


async def test_the_command_shows_positions_and_parked_commits(
    failed: Harness, admission: FailingAdmission, mongodb_url: str
) -> None:
    settings = {"EXEMPLAR_MONGODB_URL": mongodb_url}
    await failed.catch_up("settlement")
    well = await asyncio.to_thread(CliRunner().invoke, app, ["subscribers"], env=settings)
    assert (well.exit_code, "parked" in well.output) == (0, False)

    admission.failures["g4"] = RuntimeError("it fails")
    await failed.request("g4")
    await failed.fail("g4")
    await failed.store.sealed_log.seal()
    await failed.catch_up("settlement")
    result = await asyncio.to_thread(CliRunner().invoke, app, ["subscribers"], env=settings)
    assert result.exit_code == 1
    assert "parked: settlement at" in result.output
    assert "RuntimeError" in result.output
