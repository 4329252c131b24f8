"""The quota ledger: one document per developer; a hold is one atomic update."""

from collections.abc import Sequence
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
        return any(slot.generation == generation for slot in self.slots)


class Ledger(Protocol):
    """Hold and settle; both repeatable, atomic, one round trip."""

    async def hold(
        self, developer: str, generation: str, *, period: str, bounds: Bounds, now: datetime
    ) -> Account | None:
        """Take a slot and a unit of `period`; None when either is used up. Repeating changes nothing."""
        ...

    async def settle(self, developer: str, generation: str, settlement: Settlement) -> None:
        """Free the slot; a released unit goes back to its own month. Repeating changes nothing."""
        ...

    async def account(self, developer: str) -> Account:
        """Read where a developer stands."""
        ...

    async def accounts(self) -> Sequence[tuple[str, Account]]:
        """Read every developer that holds a slot: the leaked holds' sweep."""
        ...
