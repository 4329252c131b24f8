import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from store.quota.ledger import Account, Bounds, Correction, Settlement, Slot


class MemoryLedger:
    """The ledger in a dictionary, for simulation."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._corrections: dict[str, list[Correction]] = {}

    async def hold(
        self, developer: str, generation: str, *, period: str, bounds: Bounds, now: datetime
    ) -> Account | None:
        await asyncio.sleep(0)
        account = self._accounts.get(developer, Account())
        if account.holds(generation):
            account = self._accounts[developer] = _renewed(account, generation, now)
            return account
        if not account.has_capacity(period, bounds):
            return None
        account = _add(account, period, 1)
        account = replace(account, slots=(*account.slots, Slot(generation, period, now, secrets.token_hex(8))))
        self._accounts[developer] = account
        return account

    async def settle(
        self,
        developer: str,
        generation: str,
        settlement: Settlement,
        *,
        hold: str | None = None,
        held_before: datetime | None = None,
    ) -> None:
        await asyncio.sleep(0)
        account = self._accounts.get(developer, Account())
        held = account.slot_of(generation)
        if held is None or (held_before is not None and held.since >= held_before):
            return
        if settlement == "released" or hold not in (None, held.hold):
            account = _add(account, held.period, -1)
        left = tuple(slot for slot in account.slots if slot.generation != generation)
        self._accounts[developer] = replace(account, slots=left)

    async def account(self, developer: str) -> Account:
        await asyncio.sleep(0)
        return self._accounts.get(developer, Account())

    async def held(self, slots: Sequence[tuple[str, str]]) -> Collection[str]:
        await asyncio.sleep(0)
        return {generation for developer, generation in slots if (await self.account(developer)).holds(generation)}

    async def accounts(self) -> Sequence[tuple[str, Account]]:
        await asyncio.sleep(0)
        return [(developer, account) for developer, account in self._accounts.items() if account.slots]

    async def names(self) -> AsyncIterator[str]:
        for developer in sorted(self._accounts):
            await asyncio.sleep(0)
            yield developer

    async def correct(self, developer: str, correction: Correction, *, seen: Account | None) -> bool:
        await asyncio.sleep(0)
        account = self._accounts.get(developer, Account())
        if seen is None or not _same(account, seen):
            return False
        for period, units in correction.units:
            account = _add(account, period, units)
        kept = tuple(slot for slot in account.slots if slot.generation not in correction.removed)
        self._accounts[developer] = replace(account, slots=(*kept, *correction.added))
        self._corrections.setdefault(developer, []).append(correction)
        return True

    async def corrections(self, developer: str) -> Sequence[Correction]:
        await asyncio.sleep(0)
        return list(self._corrections.get(developer, ()))


def _renewed(account: Account, generation: str, now: datetime) -> Account:
    slots = [
        replace(slot, since=max(slot.since, now)) if slot.generation == generation else slot for slot in account.slots
    ]
    return replace(account, slots=tuple(slots))


def _same(account: Account, seen: Account) -> bool:
    slots = {slot.generation for slot in account.slots} == {slot.generation for slot in seen.slots}
    months = {*dict(account.used), *dict(seen.used)}
    return slots and all(account.used_in(month) == seen.used_in(month) for month in months)


def _add(account: Account, period: str, units: int) -> Account:
    used = dict(account.used)
    used[period] = used.get(period, 0) + units
    return replace(account, used=tuple(sorted(used.items())))
