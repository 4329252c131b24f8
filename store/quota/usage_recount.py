from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from domain.generation.fold import fold
from domain.generation.generation import id_of, is_generation
from events.catalogue import CATALOGUE
from store.commits.unreadable import OnUnreadable, UnreadableCommit, log_unreadable
from store.log.parking import Parking
from store.log.sealed_log import SealedCommit, SealedLog
from store.log.subscriptions import SubscriberCheckpoints
from store.mongo.connection import Document
from store.quota.usage_sums import (
    MEMBERS,
    Count,
    SumKey,
    UsageSums,
    counts_in,
    spends,
    spent_in,
    sum_document,
    sum_key_of,
    totals,
)

_PAGE = 500


@dataclass(frozen=True, slots=True)
class WrongSum:
    """A sum as the log has it, and what is stored instead; None for no sum."""

    wanted: Document
    stored: Document | None


async def _ignored(_: int) -> None:
    """Go on at once."""


async def recount_usage(
    sealed_log: SealedLog,
    subscriptions: SubscriberCheckpoints,
    parking: Parking,
    usage_sums: UsageSums,
    *,
    repair: bool = True,
    on_unreadable: OnUnreadable = log_unreadable,
) -> list[str]:
    """Count the sealed log anew; return the ids of sums that differ and, with `repair`, replace them."""
    _, wrong = await wrong_sums(sealed_log, subscriptions, parking, usage_sums, on_unreadable=on_unreadable)
    if repair and wrong:
        seen = {one.stored["_id"]: one.stored.get("position") for one in wrong if one.stored is not None}
        await usage_sums.replace([one.wanted for one in wrong], seen)
    return [one.wanted["_id"] for one in wrong]


async def wrong_sums(
    sealed_log: SealedLog,
    subscriptions: SubscriberCheckpoints,
    parking: Parking,
    usage_sums: UsageSums,
    *,
    on_unreadable: OnUnreadable = log_unreadable,
    on_position: Callable[[int], Awaitable[None]] = _ignored,
) -> tuple[int, list[WrongSum]]:
    """Count the sealed log anew; return how many sums are stored, and those that differ.

    A sum must include what its subscriber has passed, and what precedes its own position, but for commits that
    are parked. `on_position` gets how far the log is read. The system may go on meanwhile: a sum that moves is left to
    the next recount. So are the sums of a developer with a commit that cannot be read and is not parked: it may be
    counted already.
    """
    passed = await subscriptions.position("usage")
    recount = _Recount(passed, {one.position for one in await parking.of("usage")}, on_unreadable)
    await recount.read(sealed_log, on_position)
    stored = {document["_id"]: document async for document in usage_sums.all()}
    return len(stored), [
        WrongSum(one, stored.get(one["_id"]))
        for one in recount.sums(stored)
        if one.get("developer") not in recount.unknown and not _same(one, stored.get(one["_id"]))
    ]


@dataclass
class _Recount:
    """The sums up to the position that the subscriber has `passed`, and each count behind it.

    unknown: the developers whose sums cannot be counted.
    """

    passed: int
    parked: Collection[int]
    on_unreadable: OnUnreadable
    unknown: set[str] = field(default_factory=set)
    counted: dict[SumKey, Counter[str]] = field(default_factory=dict)
    later: defaultdict[str, list[Count]] = field(default_factory=lambda: defaultdict(list))

    async def read(self, sealed_log: SealedLog, on_position: Callable[[int], Awaitable[None]]) -> None:
        position, keys = 0, dict[str, SumKey]()
        while entries := await sealed_log.read(after=position, limit=_PAGE):
            firsts = [entry for entry in entries if is_generation(entry.stream) and entry.first == 1]
            begun = [fold(commit.events) for commit in await sealed_log.commits(firsts)]
            keys |= {one.id: sum_key_of(one) for one in begun if one is not None}
            spending = [entry for entry in entries if spends(entry)]
            spent = spent_in(await sealed_log.commits(spending))
            self._skip([entry for entry in spending if entry.id not in spent and not entry.damaged])
            ended = await _keys_of_ended(sealed_log, [entry for entry in spending if id_of(entry.stream) not in keys])
            lost = [entry for entry in firsts if not entry.damaged and id_of(entry.stream) not in keys]
            self._skip([*lost, *(entry for entry in entries if entry.damaged)])
            for count in counts_in(entries, keys | ended, spent):
                self._add(count)
            for entry in entries:
                if not CATALOGUE.final.isdisjoint(entry.types):  # only costs that come late are counted any more
                    keys.pop(id_of(entry.stream), None)
            position = entries[-1].position
            await on_position(position)

    def sums(self, stored: Mapping[str, Document]) -> list[Document]:
        """Write every sum as it must be at the position of the stored one; one of nothing is all zeros."""
        wanted = {key.id: self._sum(key, stored.get(key.id)) for key in self.counted}
        strange = {name: one | dict.fromkeys(MEMBERS, 0) for name, one in stored.items() if name not in wanted}
        return [*wanted.values(), *strange.values()]

    def _skip(self, entries: Sequence[SealedCommit]) -> None:
        """Set developers aside whose commits cannot be read; a parked commit is counted nowhere."""
        for entry in entries:
            self.on_unreadable(UnreadableCommit(entry.stream, entry.first, "it cannot be counted", entry.developer))
            if entry.developer is not None and entry.position not in self.parked:
                self.unknown.add(entry.developer)

    def _add(self, count: Count) -> None:
        if count.position in self.parked:
            return
        counted = self.counted.setdefault(count.key, Counter())
        if count.position <= self.passed:
            counted[count.name] += count.amount
        else:
            self.later[count.key.id].append(count)

    def _sum(self, key: SumKey, stored: Document | None) -> Document:
        position = max(self.passed, stored.get("position", 0) if stored else 0)
        later = totals(count for count in self.later[key.id] if count.position <= position)
        return sum_document(key, self.counted[key] + later, position)


def _same(wanted: Document, stored: Document | None) -> bool:
    counts = [0 if stored is None else stored.get(name) for name in MEMBERS]
    return counts == [wanted[name] for name in MEMBERS]


async def _keys_of_ended(sealed_log: SealedLog, entries: Sequence[SealedCommit]) -> dict[str, SumKey]:
    """Name the sums of generations that have costs after their end, by their first commits."""
    streams = {entry.stream for entry in entries if is_generation(entry.stream)}
    firsts = [SealedCommit(0, stream, 1, 1, ()) for stream in sorted(streams)]
    begun = [fold(commit.events) for commit in await sealed_log.commits(firsts)] if firsts else []
    return {one.id: sum_key_of(one) for one in begun if one is not None}
