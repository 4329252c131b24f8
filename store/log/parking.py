"""Commits that a follower could not handle: set aside, so that what is behind them goes on, never dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """One commit that waits for its next try; `error` is the name of what was raised last."""

    subscriber: str
    position: int
    commit: str
    error: str
    tries: int
    since: datetime
    due_at: datetime


class Parking(Protocol):
    """What waits, by follower and position."""

    async def park(self, one: Parked) -> None:
        """Keep or replace one; repeatable."""
        ...

    async def due(self, subscriber: str, now: datetime, *, limit: int) -> Sequence[Parked]:
        """Read what a follower may try again now, the longest due first."""
        ...

    async def release(self, subscriber: str, position: int) -> None:
        """Forget one that was handled; repeatable."""
        ...
