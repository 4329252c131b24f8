"""The contract of the quota ledger: slots and units of each developer."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from domain.accounts.slot_queue import MOST_QUEUED, Waiting
from domain.accounts.tiers import Tier

Settlement = Literal["spent", "released"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a tier: units a month, slots at once; None is unlimited. queued: how many may wait for a slot."""

    monthly: int | None
    concurrent: int | None
    queued: int = 0

    @classmethod
    def of(cls, tier: Tier) -> "Bounds":
        """Read the limits of a tier."""
        return cls(tier.monthly, tier.concurrent, MOST_QUEUED if tier.queued is None else min(tier.queued, MOST_QUEUED))


class SlotName(NamedTuple):
    """What tells one slot from another that the same generation had before."""

    generation: str
    period: str
    hold: str | None


@dataclass(frozen=True, slots=True)
class Slot:
    """A running generation's slot, the month of its unit, and the token of the hold that took it."""

    generation: str
    period: str
    since: datetime
    hold: str | None = None

    @property
    def name(self) -> SlotName:
        return SlotName(self.generation, self.period, self.hold)


@dataclass(frozen=True, slots=True)
class Account:
    """A developer's slots, the count of slots taken, and units used, both by month.

    The count is what limits compare: never below the number of slots, and above it only after a crash. Generations in
    `queue` are counted and named in both, and wait for their slot.
    """

    slots: tuple[Slot, ...] = ()
    used: tuple[tuple[str, int], ...] = ()
    held: tuple[tuple[str, int], ...] = ()
    queue: tuple[Waiting, ...] = ()

    @property
    def counted(self) -> int:
        """Count the slots taken and those that are waited for."""
        return sum(dict(self.held).values())

    @property
    def running(self) -> int:
        """Count the slots taken."""
        return max(0, self.counted - len(self.queue))

    @property
    def excess(self) -> dict[str, int]:
        """Count by month what is counted without a slot."""
        return dict(Counter(dict(self.held)) - Counter(dict(count_slots(self.slots))))

    def used_in(self, period: str) -> int:
        """Count the units of a month that are held or spent."""
        return dict(self.used).get(period, 0)

    def with_hold(self, slot: Slot) -> "Account":
        """Add a slot and its unit."""
        used = Counter(dict(self.used)) + Counter([slot.period])
        slots = (*self.slots, slot)
        return Account(slots, tuple(sorted(used.items())), count_slots(slots), self.queue)

    def has_units(self, period: str, bounds: Bounds) -> bool:
        """Tell whether a unit of a month is left."""
        return bounds.monthly is None or self.used_in(period) < bounds.monthly

    def has_capacity(self, period: str, bounds: Bounds, *, queue: bool = False) -> bool:
        """Tell whether a unit of a month is left, and a slot that nobody waits for, or with `queue` a place to wait."""
        free = bounds.concurrent is None or self.counted < bounds.concurrent
        return self.has_units(period, bounds) and (free or (queue and len(self.queue) < bounds.queued))

    def waits(self, generation: str) -> bool:
        """Tell whether a generation waits for its slot."""
        return any(one.generation == generation for one in self.queue)

    def equals(self, seen: "Account") -> bool:
        """Tell whether slots and units are as seen; a month without units is like a month that is not listed."""
        names = [{slot.generation for slot in account.slots} for account in (self, seen)]
        months = {*dict(self.used), *dict(seen.used)}
        same = self.held == seen.held and all(self.used_in(month) == seen.used_in(month) for month in months)
        return same and names[0] == names[1] and self.queue == seen.queue

    def holds(self, generation: str) -> bool:
        """Tell whether a generation has its slot."""
        return self.slot_of(generation) is not None

    def slot_of(self, generation: str) -> Slot | None:
        """Find a generation's slot."""
        return next((slot for slot in self.slots if slot.generation == generation), None)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a repair changed: units added by month (negative: removed), slots added and removed.

    queue: who waits for a slot from then on; None where that was right.
    """

    id: str
    at: datetime
    by: str
    units: tuple[tuple[str, int], ...]
    added: tuple[Slot, ...] = ()
    removed: tuple[str, ...] = ()
    queue: tuple[Waiting, ...] | None = None


def count_slots(slots: Iterable[Slot]) -> tuple[tuple[str, int], ...]:
    """Count slots by month."""
    return tuple(sorted(Counter(slot.period for slot in slots).items()))


class Ledger(Protocol):
    """Hold and settle are repeatable, and atomic in effect: no interleaving exceeds a limit.

    Every method raises DamagedLedgerError for counters that cannot be read, and changes nothing.
    """

    async def hold(
        self,
        developer: str,
        generation: str,
        *,
        period: str,
        bounds: Bounds,
        now: datetime,
        durable: bool = False,
        queue_for: str | None = None,
    ) -> Slot | None:
        """Take a slot and a unit of `period`; None when either is used up.

        With `queue_for`, a user, take a place in the queue instead of the slot, which counts like one.

        Repeating changes nothing but the hold's age: the sweep counts from the last time. Each hold that takes
        a slot has its own random token. With `durable` no lost server undoes it once this returns.
        """

    async def settle(
        self,
        developer: str,
        generation: str,
        settlement: Settlement,
        *,
        hold: str | None = None,
        period: str | None = None,
        held_before: datetime | None = None,
        held_once: bool = False,
    ) -> None:
        """Free the slot; a released unit goes back to its own month. Repeating changes nothing.

        With `hold` the unit of any other hold is released: it was taken after this one was settled; with its
        `period` as well the slot need not be read first. With `held_before` only a hold older than that now; with
        `held_once` only one that was never repeated.
        """

    async def account(self, developer: str, *, only: Sequence[str] | None = None, durable: bool = False) -> Account:
        """Read a developer's account; with `only`, of its slots those of these generations.

        With `durable` it lacks what a lost server could undo.
        """

    async def held(self, slots: Sequence[tuple[str, str]]) -> Collection[str]:
        """Choose, of (developer, generation), the generations that have their slot."""

    async def old_slots(self, before: datetime) -> Sequence[tuple[str, Slot]]:
        """List slots from before a moment with their developers; damaged ones are logged and left out."""

    async def reconcile(self) -> int:
        """Give back what a crash counted without a slot, once its developer counts nothing for a minute.

        Return the number of developers.
        """

    async def grant(self, developer: str, generation: str, *, bounds: Bounds) -> bool:
        """Give a free slot to a generation of the queue; False when no slot is free, or it waits no longer."""

    async def queueing(self) -> Sequence[str]:
        """Name the developers of whom a generation waits for a slot."""

    def names(self) -> AsyncIterator[str]:
        """Name the developers who have a ledger, also a damaged one."""

    async def correct(self, developer: str, correction: Correction, *, seen: Account | None) -> bool:
        """Apply and record a correction if the account still is as `seen`; False when it is not.

        `seen` is None for a damaged ledger, which the correction replaces.
        """

    async def corrections(self, developer: str) -> Sequence[Correction]:
        """Read all corrections, oldest first."""
