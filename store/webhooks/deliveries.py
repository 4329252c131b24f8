"""Deliveries: one row per (endpoint, event); the schedule of all attempts, kept in no process's memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.webhooks.delivery import Attempt, Delivery, DeliveryState, EndReason
from domain.webhooks.delivery_filter import DeliveryFilter


@dataclass(frozen=True, slots=True)
class AtLimit:
    """What has as many attempts in progress as it may; a pair is a project and a host together."""

    hosts: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    pairs: frozenset[str] = frozenset()
    developers: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()

    def includes(self, delivery: Delivery) -> bool:
        """Tell whether a delivery has to wait for one of them."""
        of_sender = delivery.project in self.projects or delivery.payer in self.developers
        of_receiver = delivery.host in self.hosts or delivery.pair in self.pairs
        return of_sender or of_receiver or delivery.user in self.users


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures of an endpoint's deliveries: their number in each state, attempts, mean time in ms."""

    states: Mapping[str, int] = field(default_factory=dict)
    attempts: int = 0
    mean_milliseconds: float | None = None
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None


class DeliveryStore(Protocol):
    """The schedule of deliveries. A sender claims a delivery first; a claim ends by itself.

    A delivery's queue are the deliveries of its generation at its endpoint.
    """

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Keep deliveries in this order; those that exist stay as they are."""

    async def due(self, now: datetime, *, excluding: AtLimit, limit: int) -> Sequence[Delivery]:
        """List due deliveries, the longest waiting first, without those that are at limit."""

    async def claim(self, delivery: Delivery, *, now: datetime, until: datetime, token: str) -> bool:
        """Claim a due delivery until a time; False when another sender was faster."""

    async def earlier(self, delivery: Delivery) -> Sequence[Delivery]:
        """List the pending deliveries before this one in its queue, without their attempts."""

    async def is_gone(self, delivery: Delivery) -> bool:
        """Tell whether the receiver has answered 410 in this queue, since the delivery's restart if any."""

    async def postpone(self, delivery: Delivery, token: str, until: datetime) -> None:
        """Give a claim back and wait for earlier deliveries, at most until a time."""

    async def record_attempt(self, delivery: Delivery, token: str, attempt: Attempt, retry_at: datetime | None) -> None:
        """Record an attempt and what follows; a claim that was lost meanwhile keeps only the attempt."""

    async def skip(self, delivery: Delivery, token: str, reason: EndReason) -> None:
        """End a claimed delivery without an attempt."""

    async def wake(self, delivery: Delivery, now: datetime) -> None:
        """Make the postponed deliveries in this queue due."""

    async def make_due(self, now: datetime, *, after: datetime, limit: int) -> int:
        """Make pending deliveries due that are due after a time, and were never tried or tried after it; count them.

        Those that wait for an earlier one of their queue are left alone. A call may compare `limit` deliveries alone,
        those that are due first; the next one goes on behind them, and after the last one from the start.
        """

    async def get(self, project: str, endpoint: str, delivery: str) -> Delivery | None: ...

    async def page(
        self, project: str, endpoint: str, chosen: DeliveryFilter, *, before: str | None, limit: int
    ) -> Sequence[Delivery] | None:
        """List deliveries, the newest first, older than the one with id `before`; None if that is unknown."""

    async def states(self, ids: Sequence[str]) -> Mapping[str, DeliveryState]:
        """Map the ids of those that exist to their states."""

    async def resend(self, project: str, endpoint: str, delivery: str, now: datetime) -> Delivery | None:
        """Restart one delivery, unordered; None when there is none."""

    async def count(self, project: str, endpoint: str, chosen: DeliveryFilter) -> int:
        """Count what `restart` would restart."""

    async def restart(self, project: str, endpoint: str, chosen: DeliveryFilter, now: datetime) -> int:
        """Restart what a filter includes and may be sent again; return how many."""

    async def skip_all(self, endpoint: str, reason: EndReason, *, generation: str | None = None) -> int:
        """End all pending deliveries of an endpoint, or of one generation there; return how many."""

    async def set_host(self, project: str, endpoint: str, host: str) -> None:
        """Count an endpoint's deliveries at another host from now on."""

    async def erase_generation(self, project: str, endpoints: Sequence[str], generation: str, now: datetime) -> None:
        """End an erased generation's deliveries but that of the erasure; delete hosts and responses."""

    async def erase(self, endpoint: str) -> None:
        """Delete an endpoint's deliveries."""

    async def stats(self, project: str, endpoint: str, *, since: datetime) -> Stats: ...
