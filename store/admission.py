"""Admission: the hold at the door, and the look at who holds before anybody is refused."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from domain.errors import ErrorCode, LimitError
from domain.generation import Generation
from domain.quota import period_of, seconds_to_free_slot, seconds_to_next_period
from store.generations import Generations
from store.ledger import Account, Bounds, Ledger, Settlement


class Admission:
    """Hold units for generations and settle those that are over."""

    def __init__(self, ledger: Ledger, generations: Generations, *, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._generations = generations
        self._clock = clock

    async def hold(self, developer: str, generation: str, *, period: str, bounds: Bounds) -> Account:
        """Take a slot and a unit or raise LimitError; holders that are final are settled first."""
        account = await self._take(developer, generation, period, bounds)
        if account is None and await self._settle_finished(developer):
            account = await self._take(developer, generation, period, bounds)
        if account is None:
            raise self._refusal(await self._ledger.account(developer), period, bounds)
        return account

    async def look(self, developer: str, bounds: Bounds) -> None:
        """Raise LimitError when there is no room now: cheap, and binding for nobody."""
        period = period_of(self._clock())
        account = await self._ledger.account(developer)
        if _has_room(account, period, bounds):
            return
        if await self._settle_finished(developer):
            account = await self._ledger.account(developer)
        if not _has_room(account, period, bounds):
            raise self._refusal(account, period, bounds)

    async def settle(self, generation: Generation) -> None:
        """Spend or release what a final generation holds; repeatable."""
        settlement: Settlement = "spent" if generation.status == "completed" else "released"
        await self._ledger.settle(generation.request.owner.developer, generation.id, settlement)

    async def release(self, developer: str, generation: str) -> None:
        """Give back a hold whose generation never came to be."""
        await self._ledger.settle(developer, generation, "released")

    async def sweep(self, *, older_than: datetime) -> int:
        """Free the slots of final generations and of those without a stream; return how many."""
        freed = 0
        for developer, account in await self._ledger.accounts():
            old = [slot.generation for slot in account.slots if slot.since < older_than]
            freed += sum(await asyncio.gather(*(self._free(developer, name) for name in old)))
        return freed

    async def _free(self, developer: str, generation_id: str) -> bool:
        generation = await self._generations.load(generation_id)
        if generation is None:
            await self.release(developer, generation_id)
        elif generation.final:
            await self.settle(generation)
        return generation is None or generation.final

    async def _take(self, developer: str, generation: str, period: str, bounds: Bounds) -> Account | None:
        return await self._ledger.hold(developer, generation, period=period, bounds=bounds, now=self._clock())

    async def _settle_finished(self, developer: str) -> bool:
        account = await self._ledger.account(developer)
        holders = await asyncio.gather(*(self._generations.load(slot.generation) for slot in account.slots))
        finished = [generation for generation in holders if generation is not None and generation.final]
        await asyncio.gather(*(self.settle(generation) for generation in finished))
        return bool(finished)

    def _refusal(self, account: Account, period: str, bounds: Bounds) -> LimitError:
        now = self._clock()
        if bounds.monthly is not None and account.used_in(period) >= bounds.monthly:
            # The month may have turned since the request: then the next one has room at once.
            wait = seconds_to_next_period(now) if period_of(now) == period else 1
            return LimitError(ErrorCode.GENERATION_LIMIT, wait)
        since = [slot.since for slot in account.slots]
        return LimitError(ErrorCode.GENERATION_LIMIT, seconds_to_free_slot(since, now))


def _has_room(account: Account, period: str, bounds: Bounds) -> bool:
    units = bounds.monthly is None or account.used_in(period) < bounds.monthly
    return units and (bounds.concurrent is None or len(account.slots) < bounds.concurrent)
