"""Make a run that somebody has asked for, under the lease of its job."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

import structlog

from store.leases.contract import Leases
from store.runs import RequestedRuns, RunReplacedError

_NOTED_EVERY: Final = 2.0  # seconds
_LEASE_SECONDS: Final = 30.0

log = structlog.get_logger()


class Report(Protocol):
    """What a run came to."""

    def body(self) -> Mapping[str, Any]:
        """Write it as JSON."""


Made = TypeVar("Made", bound=Report)


@dataclass(slots=True)
class RunUnderWay:
    """A run that was begun: it keeps the lease of its job, notes its progress, and ends where another replaces it."""

    name: str
    runs: RequestedRuns
    leases: Leases
    began_at: datetime
    _noted_at: float = 0.0

    async def __call__(self, done: int, size: int) -> None:
        """Note progress, at most every two seconds; raises RunReplacedError."""
        if time.monotonic() - self._noted_at >= _NOTED_EVERY:
            self._noted_at = time.monotonic()
            if not await self.leases.take(self.name, seconds=_LEASE_SECONDS):
                raise RunReplacedError
            await self.runs.note(self.began_at, done, size)

    async def require_current(self) -> None:
        """Raise RunReplacedError unless this is still the run under way."""
        await self.runs.require_current(self.began_at)


async def make_run(
    name: str, runs: RequestedRuns, leases: Leases, run: Callable[[RunUnderWay], Awaitable[Made]]
) -> Made | None:
    """Make the wanted run of a job, if there is one, and keep its report.

    It may outlast the job's lease, which is kept meanwhile. A run that fails is noted, so that the next one does not
    begin at once, and raises what it met; None too for one that another process has begun anew.
    """
    began_at = await runs.begin()
    if began_at is None:
        return None
    try:
        report = await run(RunUnderWay(name, runs, leases, began_at))
        await runs.complete(began_at, report.body())
    except RunReplacedError:
        log.warning("run_replaced", job=name)
        return None
    except Exception:
        await runs.fail(began_at)
        raise
    return report
