"""Deliveries: one row per (endpoint, event), scheduled here and in no worker's memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.webhooks.delivery import Ended, State


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt as it is shown: `response` is the start of the answer, `error` a code when it failed."""

    number: int
    at: datetime
    status: int | None
    error: str | None
    milliseconds: int
    response: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint; `id` is also the id of the message, the same at every attempt.

    `due_at` is when somebody should look at it: the next attempt, or the end of a claim. `failures` counts
    those since it was last asked for, `attempts` keeps all. A `lone` one stands in no line (a resend, an
    example) and an `example` is tried once; `asked_at` is when somebody last asked
    for it anew. `reason` says why one that failed or was skipped has ended.
    """

    id: str
    endpoint: str
    project: str
    generation: str
    event: str
    type: str
    version: int
    final: bool
    host: str
    event_time: datetime
    created_at: datetime
    expire_at: datetime
    state: State = "pending"
    due_at: datetime | None = None
    claim: str | None = None
    failures: int = 0
    attempts: tuple[Attempt, ...] = ()
    lone: bool = False
    example: bool = False
    reason: Ended | None = None
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """Hosts, projects and pairs of both that have as many attempts under way as they may."""

    hosts: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    pairs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Stats:
    """Numbers of an endpoint's deliveries: how many in each state, attempts, their mean time in ms."""

    states: Mapping[str, int] = field(default_factory=dict)
    attempts: int = 0
    mean_milliseconds: float | None = None
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None


class DeliveryStore(Protocol):
    """The schedule of deliveries. Whoever wants to send claims first; a claim ends by itself."""

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Keep deliveries in this order; those that are there already stay as they are."""
        ...

    async def due(self, now: datetime, *, without: Busy, limit: int) -> Sequence[Delivery]:
        """List what is due, the longest waiting first, leaving out busy hosts and projects."""
        ...

    async def claim(self, delivery: Delivery, *, now: datetime, until: datetime, token: str) -> bool:
        """Take a due delivery until a moment; False when somebody else was quicker."""
        ...

    async def earlier(self, delivery: Delivery) -> Sequence[Delivery]:
        """List the unfinished deliveries before this one in its line."""
        ...

    async def is_gone(self, delivery: Delivery) -> bool:
        """Tell whether the receiver of its line has answered 410, after it was asked for anew if it was."""
        ...

    async def put_off(self, delivery: Delivery, token: str, until: datetime) -> None:
        """Give a claim back and wait for those before, at most until a moment."""
        ...

    async def settle(
        self,
        delivery: Delivery,
        token: str,
        attempt: Attempt,
        *,
        state: State,
        due_at: datetime | None,
        reason: Ended | None,
    ) -> None:
        """Note an attempt and what comes next; the state stays when the claim is no longer ours."""
        ...

    async def skip(self, delivery: Delivery, token: str, reason: Ended) -> None:
        """Give a claimed delivery up without an attempt."""
        ...

    async def wake(self, delivery: Delivery, now: datetime) -> None:
        """Let those behind a delivery in its line be looked at again."""
        ...

    async def get(self, project: str, endpoint: str, delivery: str) -> Delivery | None: ...

    async def page(
        self, project: str, endpoint: str, *, state: State | None, before: str | None, limit: int
    ) -> Sequence[Delivery] | None:
        """List deliveries, the newest first, behind the one with id `before`; None if there is none such."""
        ...

    async def resend(self, project: str, endpoint: str, delivery: str, now: datetime) -> Delivery | None:
        """Start the attempts of one delivery anew, beside its line; None when there is none."""
        ...

    async def recover(self, project: str, endpoint: str, *, since: datetime, now: datetime) -> int:
        """Start anew what failed or was skipped and whose event is not older; return how many."""
        ...

    async def skip_all(self, endpoint: str, reason: Ended, *, generation: str | None = None) -> int:
        """Give up everything that waits for an endpoint, or only one generation's; return how many."""
        ...

    async def move(self, project: str, endpoint: str, host: str) -> None:
        """Count an endpoint's deliveries at another host from now on."""
        ...

    async def forget(self, project: str, endpoints: Sequence[str], generation: str, now: datetime) -> None:
        """End what waits of an erased generation, and blank hosts and answers of all but the word of that."""
        ...

    async def erase(self, endpoint: str) -> None:
        """Forget an endpoint's deliveries."""
        ...

    async def stats(self, project: str, endpoint: str, *, since: datetime) -> Stats: ...


def pair_of(project: str, host: str) -> str:
    """Name a project and a host together."""
    return f"{project}/{host}"
