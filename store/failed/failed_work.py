from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from events.operation import FailedSource


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedWork:
    """An entry: what failed, how often, and since when.

    handler: the subscriber, or the queue of the actor. commit: the id of the commit or of the event. error: the class
    of the last exception. next_try_at: of a call of an actor only where somebody has asked for it. discarded: the event
    by which it was discarded.
    """

    id: str
    handler: str
    commit: str
    error: str
    tries: int
    since: datetime
    last_at: datetime | None
    next_try_at: datetime | None
    request_id: str | None
    discarded: str | None


class FailedWorkStore(Protocol):
    """What failed in one place, the oldest first."""

    source: FailedSource

    async def page(
        self, *, limit: int, after: str | None = None, handler: str | None = None, discarded: bool = False
    ) -> Sequence[FailedWork]:
        """Read entries that are discarded or not, by id, behind the id `after`."""

    async def choose(self, ids: Sequence[str]) -> Sequence[FailedWork]:
        """Read those of some entries that exist and are not discarded."""

    async def get(self, entry: str) -> FailedWork | None:
        """Read one entry, also a discarded one."""

    async def replay(self, ids: Sequence[str]) -> None:
        """Have entries tried again within seconds; repeatable."""

    async def discard(self, ids: Sequence[str], event: str) -> None:
        """Have entries not tried any more, by this event; repeatable."""
