"""The contract of the quota ledger: slots and units of each developer."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Settlement = Literal["spent", "released"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a tier: units a month, slots at once; None is unlimited."""

    monthly: int | None
    concurrent: int | None


@dataclass(frozen=True, slots=True)
class Slot:
    """A running generation's slot, the month of its unit, and the token of the hold that took it."""

    generation: str
    period: str
    since: datetime
    hold: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A developer's slots taken, and units used by month."""

    slots: tuple[Slot, ...] = ()
    used: tuple[tuple[str, int], ...] = ()

    def used_in(self, period: str) -> int:
        """Count the units of a month that are held or spent."""
        return dict(self.used).get(period, 0)

    def has_capacity(self, period: str, bounds: Bounds) -> bool:
        """Tell whether a slot and a unit of a month are left."""
        units = bounds.monthly is None or self.used_in(period) < bounds.monthly
        return units and (bounds.concurrent is None or len(self.slots) < bounds.concurrent)

    def holds(self, generation: str) -> bool:
        """Tell whether a generation has its slot."""
        return self.slot_of(generation) is not None

    def slot_of(self, generation: str) -> Slot | None:
        """Find a generation's slot."""
        return next((slot for slot in self.slots if slot.generation == generation), None)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a repair changed: units added by month (negative: removed), slots added and removed."""

    id: str
    at: datetime
    by: str
    units: tuple[tuple[str, int], ...]
    added: tuple[Slot, ...] = ()
    removed: tuple[str, ...] = ()


class Ledger(Protocol):
    """Hold and settle are repeatable, atomic, and one round trip.

    Every method raises DamagedLedgerError for a ledger that cannot be read, and changes nothing.
    """

    async def hold(
        self, developer: str, generation: str, *, period: str, bounds: Bounds, now: datetime
    ) -> Account | None:
        """Take a slot and a unit of `period`; None when either is used up.

        Repeating changes nothing but the hold's age: the sweep counts from the last time. Each hold that takes
        a slot has its own random token.
        """

    async def settle(
        self,
        developer: str,
        generation: str,
        settlement: Settlement,
        *,
        hold: str | None = None,
        held_before: datetime | None = None,
    ) -> None:
        """Free the slot; a released unit goes back to its own month. Repeating changes nothing.

        With `hold` the unit of any other hold is released: it was taken after this one was settled. With
        `held_before` only a hold that is older than that now.
        """

    async def account(self, developer: str) -> Account:
        """Read a developer's account."""

    async def held(self, slots: Sequence[tuple[str, str]]) -> Collection[str]:
        """Choose, of (developer, generation), the generations that have their slot."""

    async def accounts(self) -> Sequence[tuple[str, Account]]:
        """Read the accounts with slots, by developer; damaged ones are logged and left out."""

    def names(self) -> AsyncIterator[str]:
        """Name the developers who have a ledger, also a damaged one."""

    async def correct(self, developer: str, correction: Correction, *, seen: Account | None) -> bool:
        """Apply and record a correction if the account still is as `seen`; False when it is not.

        `seen` is None for a damaged ledger, which the correction replaces.
        """

    async def corrections(self, developer: str) -> Sequence[Correction]:
        """Read all corrections, oldest first."""
