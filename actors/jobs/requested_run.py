"""Make a run that somebody has asked for, under the lease of its job."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

from store.audit.pace import Progress
from store.leases.contract import Leases
from store.runs import RequestedRuns

_NOTED_EVERY: Final = 2.0  # seconds
_LEASE_SECONDS: Final = 30.0


class Report(Protocol):
    """What a run came to."""

    def body(self) -> Mapping[str, Any]:
        """Write it as JSON."""


Made = TypeVar("Made", bound=Report)


async def make_run(
    name: str, runs: RequestedRuns, leases: Leases, run: Callable[[Progress], Awaitable[Made]]
) -> Made | None:
    """Make the wanted run of a job, if there is one, and keep its report.

    It may outlast the job's lease, which is kept meanwhile. A run that fails is noted, so that the next one does not
    begin at once, and raises what it met.
    """
    began_at = await runs.begin()
    if began_at is None:
        return None
    noted_at = 0.0

    async def note(done: int, size: int) -> None:
        nonlocal noted_at
        if time.monotonic() - noted_at >= _NOTED_EVERY:
            noted_at = time.monotonic()
            await leases.take(name, seconds=_LEASE_SECONDS)
            await runs.note(done, size)

    try:
        report = await run(note)
    except Exception:
        await runs.fail(began_at)
        raise
    await runs.complete(began_at, report.body())
    return report
