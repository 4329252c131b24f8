"""Find what was sealed and should be under a checkpoint by now."""

from datetime import datetime
from typing import NamedTuple

from domain.audit.checkpoint_times import SIGNED_WITHIN
from store.audit.checkpoints import Checkpoints
from store.audit.commit_scan import CommitScan


class Uncovered(NamedTuple):
    """Positions that are under no checkpoint although they were sealed more than two minutes ago."""

    first: int
    last: int
    sealed_at: datetime


async def uncovered(scan: CommitScan, checkpoints: Checkpoints, now: datetime) -> Uncovered | None:
    """Look for positions behind the latest checkpoint; None when those that there are were sealed just now."""
    latest = await checkpoints.latest()
    found = await scan.sealed_before(now - SIGNED_WITHIN, after=0 if latest is None else latest.size)
    return None if found is None else Uncovered(*found)
