import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from domain.accounts.slot_queue import Waiting
from store.quota.ledger import Account, Bounds, Correction, Settlement, Slot, count_slots


class MemoryLedger:
    """The ledger in a dictionary, for simulation."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._repeated: set[tuple[str, str]] = set()
        self._turns: Counter[str] = Counter()
        self._corrections: dict[str, list[Correction]] = {}

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
        await asyncio.sleep(0)
        account = self._accounts.get(developer, Account())
        held = account.slot_of(generation)
        if held is None and not _has_capacity(account, period, bounds, queue_for):
            return None
        if held is None and queue_for is not None:
            account = replace(
                account, queue=(*account.queue, Waiting(generation, queue_for, now, self._next(developer)))
            )
        if held is None:
            account = _add(account, period, 1)
            slot = Slot(generation, period, now, secrets.token_hex(8))
            self._repeated.discard((developer, generation))
        else:
            self._repeated.add((developer, generation))
            slot = replace(held, since=max(held.since, now))
        self._accounts[developer] = _with_slots(account, (*_without(account, [generation]), slot))
        return slot

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
        await asyncio.sleep(0)
        account = self._accounts.get(developer, Account())
        held = account.slot_of(generation)
        if held is None or (held_before is not None and held.since >= held_before):
            return
        if held_once and (developer, generation) in self._repeated:
            return
        if settlement == "released" or hold not in (None, held.hold):
            account = _add(account, held.period, -1)
        account = replace(account, queue=tuple(one for one in account.queue if one.generation != generation))
        self._accounts[developer] = _with_slots(account, _without(account, [generation]))

    async def grant(self, developer: str, generation: str, *, bounds: Bounds) -> bool:
        await asyncio.sleep(0)
        account = self._accounts.get(developer, Account())
        own = next((one for one in account.queue if one.generation == generation), None)
        if own is None or (bounds.concurrent is not None and account.running >= bounds.concurrent):
            return False
        turn = self._next(developer)
        left = (
            replace(one, number=max(one.number, turn)) if one.user == own.user else one
            for one in account.queue
            if one is not own
        )
        self._accounts[developer] = replace(account, queue=tuple(left))
        return True

    async def queueing(self) -> Sequence[str]:
        await asyncio.sleep(0)
        return [developer for developer, account in self._accounts.items() if account.queue]

    def _next(self, developer: str) -> int:
        self._turns[developer] += 1
        return self._turns[developer]

    async def account(self, developer: str, *, only: Sequence[str] | None = None, durable: bool = False) -> Account:
        await asyncio.sleep(0)
        account = self._accounts.get(developer, Account())
        if only is None:
            return account
        return replace(account, slots=tuple(slot for slot in account.slots if slot.generation in only))

    async def held(self, slots: Sequence[tuple[str, str]]) -> Collection[str]:
        await asyncio.sleep(0)
        return {generation for developer, generation in slots if (await self.account(developer)).holds(generation)}

    async def old_slots(self, before: datetime) -> Sequence[tuple[str, Slot]]:
        await asyncio.sleep(0)
        slots = [(developer, slot) for developer, account in self._accounts.items() for slot in account.slots]
        return [(developer, slot) for developer, slot in slots if slot.since < before]

    async def reconcile(self) -> int:
        await asyncio.sleep(0)
        return 0

    async def names(self) -> AsyncIterator[str]:
        for developer in sorted(self._accounts):
            await asyncio.sleep(0)
            yield developer

    async def correct(self, developer: str, correction: Correction, *, seen: Account | None) -> bool:
        await asyncio.sleep(0)
        account = self._accounts.get(developer, Account())
        if seen is None or not account.equals(seen):
            return False
        for period, units in correction.units:
            account = _add(account, period, units)
        account = account if correction.queue is None else replace(account, queue=correction.queue)
        self._accounts[developer] = _with_slots(account, (*_without(account, correction.removed), *correction.added))
        self._corrections.setdefault(developer, []).append(correction)
        return True

    async def corrections(self, developer: str) -> Sequence[Correction]:
        await asyncio.sleep(0)
        return list(self._corrections.get(developer, ()))


def _without(account: Account, generations: Sequence[str]) -> list[Slot]:
    return [slot for slot in account.slots if slot.generation not in generations]


def _has_capacity(account: Account, period: str, bounds: Bounds, queue_for: str | None) -> bool:
    if queue_for is None:
        return account.has_capacity(period, bounds)
    return account.has_units(period, bounds) and len(account.queue) < bounds.queued


def _with_slots(account: Account, slots: Sequence[Slot]) -> Account:
    return replace(account, slots=tuple(slots), held=count_slots(slots))


def _add(account: Account, period: str, units: int) -> Account:
    used = dict(account.used)
    used[period] = used.get(period, 0) + units
    return replace(account, used=tuple(sorted(used.items())))
