"""Run the schedule: every job in a loop of its own, while this process holds its lease."""

import asyncio
from collections.abc import Sequence

import structlog

from actors.jobs.desk import Desk
from actors.jobs.schedule import JOBS, Job

# Renewed at every round; two rounds at once, after a long one, do no harm: every job may be repeated.
_LEASE_SECONDS = 5.0

log = structlog.get_logger()


class Scheduler:
    """Start and stop the jobs; a failing round is logged and the next one comes."""

    def __init__(self, desk: Desk, jobs: Sequence[Job] = JOBS) -> None:
        self._desk = desk
        self._jobs = jobs
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin all jobs on the running loop."""
        self._tasks = [asyncio.create_task(self._loop(job), name=job.name) for job in self._jobs]

    async def stop(self, *, grace: float = 10.0) -> None:
        """Let running rounds end, then give the leases back."""
        self._stopping.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._desk.leases.free()
        except Exception as error:  # noqa: BLE001 - leases run out by themselves
            log.warning("leases not freed", error=repr(error))

    async def _loop(self, job: Job) -> None:
        while not self._stopping.is_set():
            await self._round(job)
            try:
                await asyncio.wait_for(self._stopping.wait(), job.period)
            except TimeoutError:
                continue

    async def _round(self, job: Job) -> None:
        try:
            seconds = _LEASE_SECONDS + job.period
            if job.shared or await self._desk.leases.take(job.name, seconds=seconds):
                await job.run(self._desk)
        except Exception as error:  # noqa: BLE001 - the schedule outlives every fault of a round
            log.warning("round failed", job=job.name, error=repr(error))
