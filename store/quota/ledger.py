"""The quota ledger: one document per developer; a hold is one atomic update."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Settlement = Literal["spent", "released"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a tier allows: units a month, slots at once; None is unlimited."""

    monthly: int | None
    concurrent: int | None


@dataclass(frozen=True, slots=True)
class Slot:
    """A running generation's slot, and the month its unit belongs to."""

    generation: str
    period: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """A developer's ledger as it stands: slots taken, units used by month."""

    slots: tuple[Slot, ...] = ()
    used: tuple[tuple[str, int], ...] = ()

    def used_in(self, period: str) -> int:
        """Count the units of a month that are held or spent."""
        return dict(self.used).get(period, 0)

    def holds(self, generation: str) -> bool:
        """Tell whether a generation has its slot."""
        return self.slot_of(generation) is not None

    def slot_of(self, generation: str) -> Slot | None:
        """Find a generation's slot."""
        return next((slot for slot in self.slots if slot.generation == generation), None)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a repair changed, kept beside the counters: units added by month (less than 0: taken), slots."""

    id: str
    at: datetime
    by: str
    units: tuple[tuple[str, int], ...]
    added: tuple[Slot, ...] = ()
    removed: tuple[str, ...] = ()


class Ledger(Protocol):
    """Hold and settle; both repeatable, atomic, one round trip.

    Each raises DamagedLedgerError where it meets a ledger that cannot be read, and changes nothing.
    """

    async def hold(
        self, developer: str, generation: str, *, period: str, bounds: Bounds, now: datetime
    ) -> Account | None:
        """Take a slot and a unit of `period`; None when either is used up.

        Repeating changes nothing but the hold's age: the sweep counts from the last time.
        """
        ...

    async def settle(
        self,
        developer: str,
        generation: str,
        settlement: Settlement,
        *,
        held_before: datetime | None = None,
    ) -> None:
        """Free the slot; a released unit goes back to its own month. Repeating changes nothing.

        With `held_before` only a hold that is older than that, as it stands at this very moment.
        """
        ...

    async def account(self, developer: str) -> Account:
        """Read where a developer stands."""
        ...

    async def accounts(self) -> Sequence[tuple[str, Account]]:
        """Read every developer that holds a slot, for the sweep; damaged ledgers are logged and left out."""
        ...

    def names(self) -> AsyncIterator[str]:
        """Name every developer who has a ledger, be it damaged."""
        ...

    async def correct(self, developer: str, correction: Correction, *, seen: Account | None) -> bool:
        """Apply and keep a correction if the account still is as it was `seen`; False when it is not.

        With None, if it is damaged: it is then made of the correction alone.
        """
        ...

    async def corrections(self, developer: str) -> Sequence[Correction]:
        """Read what was ever corrected, oldest first."""
        ...
