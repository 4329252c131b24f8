"""What the scheduler does, and how often: job -> period in seconds -> function."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from actors.jobs.catch_up import follow
from actors.jobs.cleanup import expire, reseal_secrets, retire_pictures, sweep_holds, sweep_orphans
from actors.jobs.desk import Desk
from actors.jobs.reconciliation import poll, reconcile
from actors.jobs.redelivery import redrive
from actors.jobs.sealing import checkpoint, seal
from actors.jobs.subscribers import SUBSCRIBERS


@dataclass(frozen=True, slots=True)
class Job:
    """One recurring duty; each has its own lease, so that many schedulers share the work.

    What is `shared` runs in all of them at once, because it claims piece by piece.
    """

    name: str
    period: float
    run: Callable[[Desk], Awaitable[int]]
    shared: bool = False


async def _relay(desk: Desk) -> int:
    return await desk.relay()


async def _send(desk: Desk) -> int:
    return await desk.sender.send_due()


async def _erase_accounts(desk: Desk) -> int:
    return await desk.accounts.run()


JOBS: tuple[Job, ...] = (
    Job("relay", 1.0, _relay),
    Job("sealing", 0.5, seal),
    Job("checkpoints", 60.0, checkpoint),
    *(Job(f"follower:{name}", 1.0, partial(follow, name)) for name in SUBSCRIBERS),
    Job("redriving", 1.0, redrive),
    Job("reconciling", 2.0, reconcile),
    Job("polling", 1.0, poll),
    Job("deadlines", 5.0, expire),
    Job("webhooks", 0.25, _send, shared=True),
    Job("holds", 30.0, sweep_holds),
    Job("accounts", 5.0, _erase_accounts),
    Job("orphans", 300.0, sweep_orphans),
    Job("retention", 3600.0, retire_pictures),
    Job("secrets", 600.0, reseal_secrets),
)
