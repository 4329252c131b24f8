"""Compare the quota ledger with a recount of the log, and repair it by recorded corrections.

In the log a developer has used one unit of its month for every generation that runs or has spent it, and one
slot for every running one. Left aside is what is under way: holds younger than two minutes without a stream,
slots of generations that have just ended, developers who change during each comparison. A damaged ledger is rebuilt
from the log. A developer with a generation that cannot be read is neither compared nor corrected: what the log says
of them is not known.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

from domain.accounts.quota import LEAKED_AFTER
from domain.generation.generation import Generation, id_of, is_generation
from domain.generation.timings import keeps_unit
from store.commits.contract import EventStore
from store.commits.unreadable import OnUnreadable, UnreadableCommit, log_unreadable
from store.errors import DamagedLedgerError
from store.generations.folding import every_generation, load_generations
from store.quota.comparison import Comparison, Difference
from store.quota.ledger import Account, Correction, Ledger

Admitted = Callable[[str, datetime], Awaitable[Sequence[str]]]
"""List the generations of a developer that were admitted since a moment."""

Record = Callable[[str, Correction, Account], Awaitable[None]]
"""Append a correction of a developer's ledger, as it was seen, to the log; a repeat appends nothing."""

YOUNG = LEAKED_AFTER
_RECENT = timedelta(minutes=10)
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class RecountReport:
    """What was compared, what was set aside, what differs, and the ids of the corrections made.

    moving: the developers who could not be compared, because their ledger or log changed during each comparison.
    """

    developers: int
    generations: int
    set_aside: int
    moving: tuple[str, ...]
    differences: tuple[Difference, ...]
    corrections: tuple[str, ...]


@dataclass(slots=True)
class _Tally:
    """A developer in the log: spent units by month, and ids that are compared one by one."""

    spent: Counter[str] = field(default_factory=Counter)
    open: set[str] = field(default_factory=set)


@dataclass(slots=True)
class LogTallies:
    """What one reading of the whole log counts: what is final for good, and lists of the rest.

    since: generations created from then on are compared one by one. unreadable: streams that could not be counted.
    """

    since: datetime
    generations: int = 0
    developers: dict[str, _Tally] = field(default_factory=dict)
    unreadable: list[UnreadableCommit] = field(default_factory=list)

    def add(self, generation: Generation) -> None:
        """Count a generation."""
        self.generations += 1
        tally = self.developers.setdefault(generation.request.owner.developer, _Tally())
        if not generation.final or generation.created_at >= self.since:
            tally.open.add(generation.id)
        elif keeps_unit(generation):
            tally.spent[generation.request.period] += 1

    def merge(self, other: "LogTallies") -> None:
        """Add what was counted of other streams, with the same `since`."""
        self.generations += other.generations
        self.unreadable += other.unreadable
        for developer, counted in other.developers.items():
            tally = self.developers.setdefault(developer, _Tally())
            tally.open |= counted.open
            tally.spent += counted.spent


async def _at_once() -> None:
    """Go on at once."""


async def _unrecorded(developer: str, correction: Correction, seen: Account) -> None:
    """Append nothing."""


@dataclass(frozen=True, slots=True)
class Recount:
    """Recount developers; `pause` is awaited between two comparisons of one whose counters change."""

    events: EventStore
    ledger: Ledger
    admitted: Admitted
    clock: Callable[[], datetime]
    record: Record = _unrecorded
    on_unreadable: OnUnreadable = log_unreadable
    pause: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0.6)

    async def run(self, *, repair_as: str | None = None) -> RecountReport:
        """Compare all developers; with `repair_as`, the name for the record, correct what differs."""
        tallies = self.begin()
        async for generation in every_generation(self.events, tallies.unreadable.append):
            tallies.add(generation)
        for found in tallies.unreadable:
            self.on_unreadable(found)
        return await self.compare(tallies, repair_as=repair_as)

    def begin(self) -> LogTallies:
        """Begin to count the log, which is read after this and before `compare`."""
        return LogTallies(self.clock() - _RECENT)

    async def compare(
        self, tallies: LogTallies, *, repair_as: str | None = None, rest: Callable[[], Awaitable[None]] = _at_once
    ) -> RecountReport:
        """Compare the ledger of all developers with what was counted; as `run`. `rest` is awaited after each."""
        since = tallies.since
        names = {*tallies.developers, *[name async for name in self.ledger.names()]}
        names -= await self._unknown(names, tallies.unreadable, since)
        aside, moving, differences, corrections = 0, list[str](), list[Difference](), list[str]()
        for name in sorted(names):
            found = await self._settled(name, tallies.developers.get(name, _Tally()), since)
            await rest()
            if found is None:
                moving.append(name)
                continue
            aside += found.aside.total()
            differences += (differs := found.differences(name))
            if repair_as is not None and differs:
                corrections.append(await self._correct(name, found, repair_as))
        compared = len(names) - len(moving)
        return RecountReport(
            compared, tallies.generations, aside, tuple(moving), tuple(differences), tuple(corrections)
        )

    async def _unknown(
        self, names: Collection[str], unreadable: Sequence[UnreadableCommit], since: datetime
    ) -> set[str]:
        """Choose the developers that have an unreadable generation, as far as fold, ledger and rows tell."""
        unknown = {found.developer for found in unreadable if found.developer is not None}
        ids = {id_of(found.stream) for found in unreadable if is_generation(found.stream)}
        for name in names if ids else ():
            account = await self._account(name)
            held = {slot.generation for slot in account.slots} if account else set[str]()
            if not ids.isdisjoint(held | set(await self.admitted(name, since))):
                unknown.add(name)
        return unknown

    async def _settled(self, developer: str, tally: _Tally, since: datetime) -> Comparison | None:
        """Compare until nothing differs, or a difference outlives all comparisons; None as `_compare`."""
        for _ in range(_ATTEMPTS - 1):
            found = await self._compare(developer, tally, since)
            if found is None or not found.differences(developer):
                return found
            await self.pause()
        return await self._compare(developer, tally, since)

    async def _compare(self, developer: str, tally: _Tally, since: datetime) -> Comparison | None:
        """Read the ledger, the log, and the ledger again; None when it changed in between each time."""
        for attempt in range(_ATTEMPTS):
            if attempt:
                await self.pause()
            account = await self._account(developer)
            held = {slot.generation for slot in account.slots} if account else set[str]()
            ids = tally.open | held | set(await self.admitted(developer, since))
            loaded = await load_generations(self.events, sorted(ids))
            if loaded is not None and await self._account(developer) == account:
                return self._compared(developer, account, tally, loaded, since)
        return None

    async def _account(self, developer: str) -> Account | None:
        """Read a ledger; None for a damaged one."""
        try:
            return await self.ledger.account(developer)
        except DamagedLedgerError:
            return None

    def _compared(
        self,
        developer: str,
        read: Account | None,
        tally: _Tally,
        loaded: dict[str, Generation],
        since: datetime,
    ) -> Comparison:
        account = read or Account()
        found = Comparison(account, Counter(tally.spent), damaged=read is None)
        own = {name: g for name, g in loaded.items() if g.request.owner.developer == developer}
        for generation in own.values():
            if generation.id in tally.open or generation.created_at >= since:
                found.count(generation)
        for slot in account.slots:
            found.classify(slot, own.get(slot.generation), young=self.clock() - YOUNG)
        return found

    async def _correct(self, developer: str, found: Comparison, by: str) -> str:
        """Record the correction, then apply it; a changed account waits for the next check."""
        correction = Correction(
            id="",
            at=self.clock(),
            by=by,
            units=tuple(
                (month, units)
                for month in sorted(found.months)
                if (units := found.units[month] + found.aside[month] - found.seen.used_in(month))
            ),
            added=(*found.missing, *found.moved),
            removed=tuple(slot.generation for slot in (*found.leaked, *found.moved)),
            queue=found.queue,
        )
        made = len(await self.ledger.corrections(developer))
        correction = replace(correction, id=_id_of(developer, made, correction, found.seen))
        await self.record(developer, correction, found.seen)
        seen = None if found.damaged else found.seen
        done = await self.ledger.correct(developer, correction, seen=seen)
        return correction.id if done else ""


def _id_of(developer: str, made: int, correction: Correction, seen: Account) -> str:
    """Derive the id from what it changes: a correction that a crash prevented keeps its id."""
    slots = sorted(slot.generation for slot in (*seen.slots, *correction.added))
    queue = () if correction.queue is None else (tuple(one.generation for one in correction.queue),)
    what = (developer, made, slots, sorted(seen.used), correction.units, correction.removed, *queue)
    return str(uuid5(NAMESPACE_OID, repr(what)))
