"""Developers take turns, and a job that the log has ended does nothing more: runners without a gateway."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest

from domain.operations import stream_of
from events.operation import BulkEnded, BulkRequested
from gateway.bulk.actions import BulkActions, Outcome
from gateway.bulk.runner import BulkRunner
from store.bulk.jobs import BulkJob, BulkJobs
from tests.builders.clock import Clock
from tests.builders.generation import START
from tests.stores import OpenStore, open_store
from tests.systems.gateway import CAUSE


class NotedActions:
    """Notes on whose generations it was asked to act."""

    def __init__(self) -> None:
        self.acted: list[str] = []

    async def act(self, job: BulkJob, _generation_id: str) -> Outcome:
        self.acted.append(job.id)
        return "changed"


@pytest.fixture
async def store(mongodb_url: str) -> AsyncIterator[OpenStore]:
    async with open_store(mongodb_url) as store:
        yield store


@pytest.fixture
def jobs(store: OpenStore) -> BulkJobs:
    return BulkJobs(store.database)


def runner_of(store: OpenStore, jobs: BulkJobs, actions: NotedActions) -> BulkRunner:
    """Make a runner whose turn is one page of one generation."""
    return BulkRunner(
        bulk_jobs=jobs,
        bulk_actions=cast("BulkActions", actions),
        events=store.events,
        announce=lambda _: None,
        clock=Clock(),
        at_once=1,
        pages=1,
    )


async def start(jobs: BulkJobs, job: str, developer: str, generations: Sequence[str]) -> None:
    await plan(jobs, job, developer, generations)
    await jobs.start(job, f"{stream_of(job)}:1")


async def plan(jobs: BulkJobs, job: str, developer: str, generations: Sequence[str]) -> None:
    shown: dict[str, Any] = {"actor": "test", "project": f"project of {developer}", "request_id": "r1", "digest": ""}
    planned = BulkJob(
        id=job, action="cancel", developer=developer, filters=(), options={}, selected=len(generations), **shown
    )
    await jobs.plan(planned, generations)


async def test_a_long_job_and_many_jobs_of_one_developer_let_the_others_have_their_turn(
    store: OpenStore, jobs: BulkJobs
) -> None:
    for job in ("long", "second", "third"):
        await start(jobs, job, "first developer", ["g"] * 3)
    await start(jobs, "other", "second developer", ["g"] * 3)
    assert [await jobs.running(developer) for developer in ("first developer", "nobody")] == [3, 0]
    actions = NotedActions()
    runner = runner_of(store, jobs, actions)
    for _ in range(6):
        assert await runner.run_once() == 1
    assert actions.acted[1::2] == ["other"] * 3, "every second turn"
    assert "other" not in actions.acted[0::2]


async def test_a_runner_goes_on_until_there_is_no_job(store: OpenStore, jobs: BulkJobs) -> None:
    runner = runner_of(store, jobs, NotedActions())
    assert await runner.run_once() is None
    await start(jobs, "short", "developer", ["g"])
    assert [await runner.run_once() for _ in range(3)] == [1, 0, None]
    found = await jobs.find("project of developer", "short")
    assert found is not None
    assert (found.state, found.changed) == ("completed", 1)


async def test_what_is_under_way_at_a_cancellation_is_finished_and_counted(store: OpenStore, jobs: BulkJobs) -> None:
    await start(jobs, "long", "developer", ["g1", "g2", "g3"])
    under_way, go_on = asyncio.Event(), asyncio.Event()

    class SlowActions(NotedActions):
        async def act(self, job: BulkJob, generation_id: str) -> Outcome:
            under_way.set()
            await go_on.wait()
            return await super().act(job, generation_id)

    runner, other = (runner_of(store, jobs, actions) for actions in (SlowActions(), NotedActions()))
    turn = asyncio.create_task(runner.run_once())
    await under_way.wait()
    found = await jobs.find("project of developer", "long")
    assert found is not None
    await other.cancel(found)
    canceling = await jobs.find("project of developer", "long")
    assert canceling is not None
    assert (canceling.state, canceling.canceling) == ("running", True)
    go_on.set()
    assert [await turn, await other.run_once(), await other.run_once()] == [1, 0, None]
    ended = await jobs.find("project of developer", "long")
    assert ended is not None
    assert (ended.state, ended.canceling, ended.done, ended.changed) == ("canceled", False, 1, 1)
    [commit] = await store.events.read(stream_of("long"))
    assert commit.events[-1].event == BulkEnded(outcome="canceled", changed=1, unchanged=0, failed=0)


async def test_a_plan_is_canceled_and_one_whose_begin_is_in_the_log_gets_its_end(
    store: OpenStore, jobs: BulkJobs
) -> None:
    runner = runner_of(store, jobs, NotedActions())
    await plan(jobs, "planned", "developer", ["g1"])
    await plan(jobs, "begun", "developer", ["g1"])
    requested = BulkRequested(
        action="cancel", developer="developer", project="project of developer", filters=(), selected=1, digest=""
    )
    await store.events.append(stream_of("begun"), 0, [requested], cause=CAUSE, time=START)
    for job in ("planned", "begun"):
        found = await jobs.find("project of developer", job)
        assert found is not None
        await runner.cancel(found)
        canceled = await jobs.find("project of developer", job)
        assert canceled is not None
        assert canceled.state == "canceled"
    commits = await store.events.read(stream_of("begun"))
    assert [event.event.type for commit in commits for event in commit.events][1:] == ["operation.bulk_ended"]
    assert await store.events.read(stream_of("planned")) == []


@pytest.mark.parametrize("outcome", ["canceled", "completed"])
async def test_a_job_whose_end_is_in_the_log_alone_does_nothing_more(
    store: OpenStore, jobs: BulkJobs, outcome: Any
) -> None:
    await start(jobs, "ended", "developer", ["g1", "g2"])
    requested = BulkRequested(
        action="cancel", developer="developer", project="project of developer", filters=(), selected=2, digest=""
    )
    ended = BulkEnded(outcome=outcome, changed=0, unchanged=0, failed=0)
    actions = NotedActions()
    runner = runner_of(store, jobs, actions)
    await store.events.append(stream_of("ended"), 0, [requested, ended], cause=CAUSE, time=START)
    assert await runner.run_once() == 0
    found = await jobs.find("project of developer", "ended")
    assert found is not None
    assert (found.state, actions.acted) == (outcome, [])
    assert await runner.run_once() is None
