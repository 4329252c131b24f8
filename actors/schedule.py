"""What the scheduler does, and how often: job -> period in seconds -> function."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from actors.desk import Desk
from actors.following import follow
from actors.provider import poll, reconcile
from actors.redriving import redrive
from actors.sweeping import expire, retire_pictures, sweep_holds, sweep_orphans


@dataclass(frozen=True, slots=True)
class Job:
    """One recurring duty; each has its own lease, so that many schedulers share the work."""

    name: str
    period: float
    run: Callable[[Desk], Awaitable[int]]


async def _relay(desk: Desk) -> int:
    return await desk.relay()


async def _seal(desk: Desk) -> int:
    return await desk.log.seal()


JOBS: tuple[Job, ...] = (
    Job("relay", 1.0, _relay),
    Job("sealing", 0.5, _seal),
    Job("followers", 1.0, follow),
    Job("redriving", 1.0, redrive),
    Job("reconciling", 2.0, reconcile),
    Job("polling", 1.0, poll),
    Job("deadlines", 5.0, expire),
    Job("holds", 30.0, sweep_holds),
    Job("orphans", 300.0, sweep_orphans),
    Job("retention", 3600.0, retire_pictures),
)
