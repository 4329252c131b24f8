"""What the scheduler's jobs are handed besides the actors' own things."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from actors.hands import Hands
from actors.jobs.backoff import Backoff
from actors.webhooks.sender import Sender
from events.commit import Commit
from store.accounts.erasure import AccountErasure
from store.commits.contract import EventStore
from store.log.parking import Parking


class SealedEntry(Protocol):
    """A commit at its position."""

    @property
    def position(self) -> int: ...

    @property
    def commit(self) -> Commit: ...


class SealedLog(Protocol):
    """The order of everything."""

    async def seal(self, *, limit: int = 500) -> int: ...

    async def read(self, *, after: int, limit: int) -> Sequence[SealedEntry]: ...


class Subscriptions(Protocol):
    """Where each follower stands in the sealed order."""

    async def position(self, name: str) -> int: ...

    async def advance(self, name: str, position: int) -> None: ...


class SignedCheckpoint(Protocol):
    """What was signed: so many commits."""

    @property
    def size(self) -> int: ...


class Checkpoints(Protocol):
    """Signs the sealed order."""

    async def make(self) -> SignedCheckpoint | None: ...


class Leases(Protocol):
    """One holder per job."""

    async def take(self, job: str, *, seconds: float) -> bool: ...

    async def free(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Looks:
    """How often a claim's prediction was looked for, and since when."""

    count: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The scheduler's dependencies; `relay` publishes what stayed marked and returns how many.

    `checkpoints` is None where no key signs them.
    """

    hands: Hands
    events: EventStore
    log: SealedLog
    checkpoints: Checkpoints | None
    subscribers: Subscriptions
    parking: Parking
    leases: Leases
    relay: Callable[[], Awaitable[int]]
    tries: Backoff
    questions: Backoff
    lists: dict[tuple[str, int], Looks]
    sender: Sender
    accounts: AccountErasure
    unknown: dict[tuple[str, int], Looks]
    cursors: dict[str, str]
