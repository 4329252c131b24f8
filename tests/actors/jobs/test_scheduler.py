"""A scheduler knows for how long none of its jobs has begun or ended a run."""

import asyncio

from actors.jobs.schedule import Job
from actors.jobs.scheduler import Scheduler
from exemplar.clock import now
from store.leases.memory import MemoryLeases
from tests.systems.waiting import until


async def test_a_scheduler_is_silent_while_all_its_jobs_hang_and_not_while_one_gets_on() -> None:
    hanging, runs = asyncio.Event(), 0

    async def hang() -> int:
        await hanging.wait()
        return 0

    async def count() -> int:
        nonlocal runs
        runs += 1
        return 0

    def scheduler_of(*jobs: Job) -> Scheduler:
        return Scheduler(
            [Job(job.name, job.period, job.run, shared=True) for job in jobs], MemoryLeases({}, holder="a", clock=now)
        )

    stuck, one_hangs = scheduler_of(Job("stuck", 0.01, hang)), scheduler_of(Job("a", 0.01, hang), Job("b", 0.01, count))
    async with stuck, one_hangs:
        await until(lambda: stuck.silent_for() > 0.2, "nothing has happened for a while")
        before = runs
        await until(lambda: runs > before, "the other job runs")
        assert one_hangs.silent_for() < stuck.silent_for()
        hanging.set()
