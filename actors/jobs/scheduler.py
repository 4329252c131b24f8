import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import structlog

from actors.jobs.schedule import Job
from store.leases.contract import Leases

# A lease is renewed at every run. Two runs at once, after a long one, do no harm: jobs are repeatable.
_LEASE_SECONDS = 5.0
_IDLE_AFTER = 10.0

log = structlog.get_logger()


class Scheduler:
    """Run each job in a loop of its own while this process holds the job's lease.

    A run that fails is logged, and the next one follows. The jobs' functions need no arguments any more.
    """

    def __init__(self, jobs: Sequence[Job], leases: Leases) -> None:
        self._jobs = jobs
        self._leases = leases
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ran_at = 0.0

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start(self) -> None:
        """Begin all jobs on the running loop."""
        self._ran_at = asyncio.get_running_loop().time()
        self._tasks = [asyncio.create_task(self._loop(job), name=job.name) for job in self._jobs]

    def silent_for(self) -> float:
        """Return for how many seconds no job has begun or ended a run; single long runs do no harm."""
        return asyncio.get_running_loop().time() - self._ran_at

    async def stop(self, *, grace: float = 5.0) -> None:
        """Let current runs end for `grace` seconds, then release the leases."""
        self._stopping.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._leases.free()
        except Exception as error:  # noqa: BLE001 - leases expire by themselves
            log.warning("leases_not_released", error=error)

    async def _loop(self, job: Job) -> None:
        now = asyncio.get_running_loop().time
        found_at = now()
        while not self._stopping.is_set():
            found_at = now() if await self._run_once(job) else found_at
            period = job.period if now() < found_at + _IDLE_AFTER else job.idle_period or job.period
            # Jobs of one period run in the same turn of the loop, so that equal reads share a round trip.
            with suppress(TimeoutError):
                async with asyncio.timeout_at((now() // period + 1) * period):
                    await self._stopping.wait()

    async def _run_once(self, job: Job) -> int:
        """Run a job if its lease is held; return how much it found."""
        self._ran_at = asyncio.get_running_loop().time()
        try:
            seconds = _LEASE_SECONDS + job.period
            if job.shared or await self._leases.take(job.name, seconds=seconds):
                return await job.run()
        except Exception as error:  # noqa: BLE001 - the scheduler outlives every failed run
            log.warning("job_failed", job=job.name, error=error)
        finally:
            self._ran_at = asyncio.get_running_loop().time()
        return 0
