"""One developer as the ledger has him and as the log does: what is on its way, and what differs."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from domain.generation.generation import Generation
from store.quota.ledger import Account, Slot


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the ledger says and the log does not.

    `subject` is a month, a generation, or "ledger" for one that is damaged.
    """

    developer: str
    kind: Literal["damaged", "units", "leaked slot", "missing slot", "slot of another month"]
    subject: str
    ledger: int
    log: int


@dataclass(slots=True)
class Comparison:
    """What one look at a developer found; `seen` is empty where the ledger is damaged."""

    seen: Account
    units: Counter[str]
    damaged: bool = False
    aside: Counter[str] = field(default_factory=Counter)
    leaked: list[Slot] = field(default_factory=list)
    missing: list[Slot] = field(default_factory=list)
    moved: list[Slot] = field(default_factory=list)

    def count(self, generation: Generation) -> None:
        """Count what the log says of one generation."""
        month = generation.request.period
        if generation.final:
            self.units[month] += generation.status == "completed"
        elif self.seen.holds(generation.id):
            self.units[month] += 1
        elif generation.reserved:
            self.units[month] += 1
            self.missing.append(Slot(generation.id, month, generation.created_at))

    def judge(self, slot: Slot, generation: Generation | None, *, young: datetime) -> None:
        """Find out what a slot of the ledger stands for."""
        if generation is None:
            if slot.since >= young:
                self.aside[slot.period] += 1
            else:
                self.leaked.append(slot)
        elif generation.final:
            # Its settlement is under way, and gives the unit back unless this is what it is spent on.
            self.aside[slot.period] += generation.status == "failed" or generation.quota != "held"
        elif slot.period != generation.request.period:
            self.moved.append(Slot(slot.generation, generation.request.period, slot.since))

    def differences(self, developer: str) -> list[Difference]:
        """List what differs and is not on its way."""
        found = [Difference(developer, "damaged", "ledger", 1, 0)] if self.damaged else []
        leaked = Counter(slot.period for slot in self.leaked)
        for month in sorted(self.months):
            counted = self.seen.used_in(month) - self.aside[month] - leaked[month]
            if counted != self.units[month]:
                found.append(Difference(developer, "units", month, counted, self.units[month]))
        found += [Difference(developer, "leaked slot", slot.generation, 1, 0) for slot in self.leaked]
        found += [Difference(developer, "missing slot", slot.generation, 0, 1) for slot in self.missing]
        found += [
            Difference(developer, "slot of another month", slot.generation, 1, 1) for slot in self.moved
        ]
        return found

    @property
    def months(self) -> set[str]:
        """Name the months that either knows of."""
        return {*dict(self.seen.used), *self.units, *self.aside}
