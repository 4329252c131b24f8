import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from store.ledger import Account, Bounds, Settlement, Slot


class MemoryLedger:
    """The ledger in a dictionary, with the same contract as in MongoDB."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    async def hold(
        self, developer: str, generation: str, *, period: str, bounds: Bounds, now: datetime
    ) -> Account | None:
        await asyncio.sleep(0)
        account = self._accounts.get(developer, Account())
        if account.holds(generation):
            return account
        if not _room(account, period, bounds):
            return None
        account = _add(account, period, 1)
        account = replace(account, slots=(*account.slots, Slot(generation, period, now)))
        self._accounts[developer] = account
        return account

    async def settle(self, developer: str, generation: str, settlement: Settlement) -> None:
        await asyncio.sleep(0)
        account = self._accounts.get(developer, Account())
        held = [slot for slot in account.slots if slot.generation == generation]
        if not held:
            return
        if settlement == "released":
            account = _add(account, held[0].period, -1)
        left = tuple(slot for slot in account.slots if slot.generation != generation)
        self._accounts[developer] = replace(account, slots=left)

    async def account(self, developer: str) -> Account:
        await asyncio.sleep(0)
        return self._accounts.get(developer, Account())

    async def accounts(self) -> Sequence[tuple[str, Account]]:
        await asyncio.sleep(0)
        return [(developer, account) for developer, account in self._accounts.items() if account.slots]


def _room(account: Account, period: str, bounds: Bounds) -> bool:
    units = bounds.monthly is None or account.used_in(period) < bounds.monthly
    slots = bounds.concurrent is None or len(account.slots) < bounds.concurrent
    return units and slots


def _add(account: Account, period: str, units: int) -> Account:
    used = dict(account.used)
    used[period] = used.get(period, 0) + units
    return replace(account, used=tuple(sorted(used.items())))
