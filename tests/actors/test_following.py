"""Followers that fail or hang, and commits that cannot be handled."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from structlog.typing import EventDict
from typer.testing import CliRunner

from actors.jobs.catch_up import follow
from actors.jobs.schedule import JOBS
from actors.jobs.scheduler import Scheduler
from actors.jobs.subscribers import SUBSCRIBERS
from domain.generation.generation import Generation
from exemplar.cli import app
from store.errors import StoreUnavailableError
from store.quota.admission import Admission
from tests.actors.workshop import Workshop
from tests.journeys.system import until


class Moody(Admission):
    """Settles everything but what it was told to refuse."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__(workshop.store.ledger, workshop.hands.generations, clock=workshop.clock)
        self.refuses: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.lines: list[EventDict] = []

    async def settle(self, generation: Generation) -> None:
        self.asked.append(generation.id)
        if generation.id in self.refuses:
            raise self.refuses[generation.id]
        await super().settle(generation)


@pytest.fixture
async def moody(workshop: Workshop) -> AsyncIterator[Moody]:
    """Three generations that failed and are not settled; the one who settles has moods."""
    moody = Moody(workshop)
    workshop.hands = replace(workshop.hands, admission=moody)
    workshop.desk = replace(workshop.desk, hands=workshop.hands)
    for name in ("g1", "g2", "g3"):
        await workshop.request(name)
        await workshop.fail(name)
    await workshop.store.log.seal()
    with structlog.testing.capture_logs() as moody.lines:
        yield moody


async def is_settled(workshop: Workshop, name: str) -> bool:
    return (await workshop.load(name)).quota != "held"


async def settled(workshop: Workshop) -> list[str]:
    return [name for name in ("g1", "g2", "g3") if await is_settled(workshop, name)]


async def test_a_commit_that_cannot_be_handled_is_parked_and_holds_up_nothing_behind_it(
    workshop: Workshop, moody: Moody
) -> None:
    moody.refuses["g2"] = RuntimeError("of no use")

    await follow("settlement", workshop.desk)

    assert await settled(workshop) == ["g1", "g3"]
    assert await workshop.store.subscribers.position("settlement") == await workshop.store.log.head()
    (parked,) = await workshop.store.parking.all()
    assert (parked.subscriber, parked.error, parked.tries) == ("settlement", "RuntimeError", 1)
    assert [line["commit"] for line in moody.lines if line["event"] == "commit parked"] == [parked.commit]


async def test_a_parked_commit_is_tried_ever_more_rarely_until_it_is_handled(
    workshop: Workshop, moody: Moody
) -> None:
    moody.refuses["g2"] = RuntimeError("of no use")
    await follow("settlement", workshop.desk)
    pauses = []
    for _ in range(12):
        (parked,) = await workshop.store.parking.all()
        pauses.append(round((parked.due_at - workshop.clock()).total_seconds(), -1))
        moody.asked.clear()
        await follow("settlement", workshop.desk)
        assert moody.asked == [], "it was tried before its time"
        workshop.clock.forward(seconds=pauses[-1] + 10)
        await follow("settlement", workshop.desk)
        assert moody.asked == ["g2"]
    assert pauses == sorted(pauses)
    assert pauses[-2:] == [3600, 3600]

    moody.refuses.clear()
    workshop.clock.forward(hours=2)
    await follow("settlement", workshop.desk)
    assert await settled(workshop) == ["g1", "g2", "g3"]
    assert await workshop.store.parking.all() == []


async def test_a_store_that_is_away_parks_nothing_and_moves_nobody(workshop: Workshop, moody: Moody) -> None:
    moody.refuses["g2"] = StoreUnavailableError("away")
    with pytest.raises(StoreUnavailableError):
        await follow("settlement", workshop.desk)
    assert await workshop.store.parking.all() == []
    assert await workshop.store.subscribers.position("settlement") == 0

    moody.refuses.clear()
    await follow("settlement", workshop.desk)
    assert await settled(workshop) == ["g1", "g2", "g3"]


async def test_a_follower_that_hangs_holds_up_no_other(
    workshop: Workshop, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = asyncio.Event()

    async def hang(*_: Any) -> None:
        hanging.set()
        await asyncio.Event().wait()

    monkeypatch.setitem(SUBSCRIBERS, "cancellation", hang)
    names = ("follower:settlement", "follower:cancellation")
    jobs = [replace(job, period=0.01) for job in JOBS if job.name in names]
    scheduler = Scheduler(workshop.desk, jobs)
    scheduler.start()
    try:
        async with asyncio.timeout(30):
            await hanging.wait()
            await workshop.request("g4")
            await workshop.fail("g4")
            await workshop.store.log.seal()
            await until(lambda: is_settled(workshop, "g4"), "the other follower goes on")
    finally:
        await scheduler.stop(grace=0.1)
    assert await settled(workshop) == ["g1", "g2", "g3"]


async def test_a_command_shows_where_followers_are_and_what_is_parked(
    workshop: Workshop, moody: Moody, mongodb_url: str
) -> None:
    settings = {"EXEMPLAR_MONGODB_URL": mongodb_url}
    await follow("settlement", workshop.desk)
    well = await asyncio.to_thread(CliRunner().invoke, app, ["subscribers"], env=settings)
    assert (well.exit_code, "parked" in well.output) == (0, False)

    moody.refuses["g4"] = RuntimeError("of no use")
    await workshop.request("g4")
    await workshop.fail("g4")
    await workshop.store.log.seal()
    await follow("settlement", workshop.desk)
    told = await asyncio.to_thread(CliRunner().invoke, app, ["subscribers"], env=settings)
    assert told.exit_code == 1
    assert "parked: settlement at" in told.output
    assert "RuntimeError" in told.output
