"""Compare one developer in the ledger with the log: what is under way, and what differs."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from domain.accounts.slot_queue import Waiting
from domain.generation.generation import Generation
from domain.generation.lifecycle import is_queued
from domain.generation.timings import keeps_unit, reserved_at
from store.quota.ledger import Account, Slot, count_slots


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between ledger and log.

    `subject` is a month, a generation, or "ledger" for one that is damaged.
    """

    developer: str
    kind: Literal["damaged", "units", "slots", "leaked slot", "missing slot", "slot of another month", "queue"]
    subject: str
    ledger: int
    log: int


@dataclass(slots=True)
class Comparison:
    """The result of one comparison; `seen` is empty for a damaged ledger.

    queued: those that wait for a slot in the log; turns: when users were last given one. ending: slots of generations
    that are not recorded yet, or have ended, whose place in the queue is under way.
    """

    seen: Account
    units: Counter[str]
    damaged: bool = False
    aside: Counter[str] = field(default_factory=Counter)
    leaked: list[Slot] = field(default_factory=list)
    missing: list[Slot] = field(default_factory=list)
    moved: list[Slot] = field(default_factory=list)
    queued: list[Generation] = field(default_factory=list)
    turns: dict[str, datetime] = field(default_factory=dict)
    ending: set[str] = field(default_factory=set)

    def count(self, generation: Generation) -> None:
        """Count one generation of the log."""
        month, user = generation.request.period, generation.request.owner.user
        if generation.request.queued and (given := reserved_at(generation)) is not None:
            self.turns[user] = max(given, self.turns.get(user, given))
        if is_queued(generation):
            self.queued.append(generation)
        if generation.final:
            self.units[month] += keeps_unit(generation)
        elif self.seen.holds(generation.id):
            self.units[month] += 1
        elif generation.reserved or is_queued(generation):
            self.units[month] += 1
            self.missing.append(Slot(generation.id, month, generation.created_at, generation.hold))

    def classify(self, slot: Slot, generation: Generation | None, *, young: datetime) -> None:
        """Classify a slot of the ledger."""
        if generation is None or generation.final:
            self.ending.add(slot.generation)
        if generation is None:
            if slot.since >= young:
                self.aside[slot.period] += 1
            else:
                self.leaked.append(slot)
        elif generation.final:
            # Its settlement is under way: it releases the unit unless the generation spends this very hold.
            self.aside[slot.period] += not keeps_unit(generation) or generation.hold not in (None, slot.hold)
        elif slot.period != generation.request.period:
            self.moved.append(replace(slot, period=generation.request.period))

    def differences(self, developer: str) -> list[Difference]:
        """List what differs and is not under way."""
        found = [Difference(developer, "damaged", "ledger", 1, 0)] if self.damaged else []
        leaked = Counter(slot.period for slot in self.leaked)
        held, slots = Counter(dict(self.seen.held)), Counter(dict(count_slots(self.seen.slots)))
        found += [
            Difference(developer, "slots", month, held[month], slots[month])
            for month in sorted(held | slots)
            if held[month] != slots[month]
        ]
        for month in sorted(self.months):
            counted = self.seen.used_in(month) - self.aside[month] - leaked[month]
            if counted != self.units[month]:
                found.append(Difference(developer, "units", month, counted, self.units[month]))
        found += [Difference(developer, "leaked slot", slot.generation, 1, 0) for slot in self.leaked]
        found += [Difference(developer, "missing slot", slot.generation, 0, 1) for slot in self.missing]
        found += [Difference(developer, "slot of another month", slot.generation, 1, 1) for slot in self.moved]
        ledger, log = ({one.generation for one in self.seen.queue}, {one.id for one in self.queued})
        return found + [
            Difference(developer, "queue", one, int(one in ledger), int(one in log))
            for one in sorted(ledger ^ log)
            if one not in self.ending
        ]

    @property
    def queue(self) -> tuple[Waiting, ...] | None:
        """Make the queue from the log; None where the ledger has those who wait in the log, and nobody else."""
        waiting = sorted(self.queued, key=lambda g: (g.created_at, g.id))
        known = {one.generation for one in self.seen.queue} - self.ending
        if not self.damaged and {one.id for one in waiting} == known:
            return None
        last = {g.id: max(g.created_at, self.turns.get(g.request.owner.user, g.created_at)) for g in waiting}
        rank = {moment: number for number, moment in enumerate(sorted(set(last.values())), start=1)}
        return tuple(Waiting(g.id, g.request.owner.user, g.created_at, rank[last[g.id]]) for g in waiting)

    @property
    def months(self) -> set[str]:
        """Name the months of the ledger and of the log."""
        return {*dict(self.seen.used), *self.units, *self.aside}
