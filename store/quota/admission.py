"""Admission: the hold at the door, and the look at who holds before anybody is refused."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

import structlog

from domain.accounts.quota import period_of, seconds_to_free_slot, seconds_to_next_period
from domain.errors import ErrorCode, LimitError
from domain.generation.generation import Generation
from store.errors import StoreUnavailableError
from store.generations.generations import Generations
from store.quota.durations import Durations, unknown
from store.quota.ledger import Account, Bounds, Ledger, Settlement

_FRESH = timedelta(seconds=1)
_MOMENT = 0.25  # seconds; far more than lies between a hold and its append, when all goes well
_REMEMBERED = 10_000

log = structlog.get_logger()


class Admission:
    """Hold units for generations and settle those that are over."""

    def __init__(
        self,
        ledger: Ledger,
        generations: Generations,
        *,
        clock: Callable[[], datetime],
        durations: Durations = unknown,
    ) -> None:
        self._ledger = ledger
        self._generations = generations
        self._clock = clock
        self._durations = durations
        self._seen: dict[str, tuple[datetime, Account]] = {}
        self._asking: dict[str, asyncio.Task[Account]] = {}

    async def hold(self, developer: str, generation: str, *, period: str, bounds: Bounds) -> Account:
        """Take a slot and a unit or raise LimitError; holders that are final are settled first."""
        account = await self._take(developer, generation, period, bounds)
        if account is None and await self._settle_finished(developer):
            account = await self._take(developer, generation, period, bounds)
        if account is None:
            raise await self._refusal(developer, await self._ledger.account(developer), period, bounds)
        self._note(developer, account, running=1)
        return account

    async def look(self, developer: str, bounds: Bounds) -> None:
        """Raise LimitError when there is no room now: cheap, and binding for nobody."""
        period = period_of(self._clock())
        account = await self._current(developer, period, bounds)
        if not _has_room(account, period, bounds):
            raise await self._refusal(developer, account, period, bounds)

    async def standing(self, developer: str, bounds: Bounds) -> Account:
        """Read where a developer stands, as of at most a second ago; finished holders are not counted."""
        now = self._clock()
        known = self._seen.get(developer)
        if known is not None and timedelta() <= now - known[0] < _FRESH:
            return known[1]
        asking = self._asking.get(developer)
        if asking is None:
            asking = asyncio.create_task(self._exact(developer, bounds))
            self._asking[developer] = asking
            asking.add_done_callback(lambda _: self._asking.pop(developer, None))
        return await asyncio.shield(asking)

    async def account(self, developer: str) -> Account:
        """Read where a developer stands in the ledger itself."""
        return await self._ledger.account(developer)

    async def settle(self, generation: Generation) -> None:
        """Spend or release what a final generation holds; repeatable.

        Where the log says that it was settled, a hold can only be one that came too late: it is given back.
        """
        spent = generation.status == "completed" and generation.quota == "held"
        settlement: Settlement = "spent" if spent else "released"
        await self._settle(generation.request.owner.developer, generation.id, settlement)

    async def release(self, developer: str, generation: str) -> None:
        """Give back a hold whose generation never came to be."""
        await self._settle(developer, generation, "released")

    async def sweep(self, *, older_than: datetime) -> int:
        """Free the slots of final generations and of those without a stream; return how many."""
        freed = 0
        for developer, account in await self._ledger.accounts():
            old = [slot.generation for slot in account.slots if slot.since < older_than]
            done = await asyncio.gather(
                *(self._free(developer, name, older_than) for name in old), return_exceptions=True
            )
            freed += done.count(True)
            _tell_failures(developer, done)
        return freed

    async def _free(self, developer: str, generation_id: str, older_than: datetime) -> bool:
        generation = await self._generations.load(generation_id)
        if generation is None:
            # Only as old as it was seen: whoever repeated the hold meanwhile is about to append.
            await self._ledger.settle(developer, generation_id, "released", held_before=older_than)
        elif generation.final:
            await self.settle(generation)
        return generation is None or generation.final

    async def _take(self, developer: str, generation: str, period: str, bounds: Bounds) -> Account | None:
        return await self._ledger.hold(developer, generation, period=period, bounds=bounds, now=self._clock())

    async def _settle(self, developer: str, generation: str, settlement: Settlement) -> None:
        await self._ledger.settle(developer, generation, settlement)
        self._seen.pop(developer, None)

    async def _settle_finished(self, developer: str) -> bool:
        return await self._settle_over(await self._ledger.account(developer))

    async def _settle_over(self, account: Account) -> bool:
        ended = await self._generations.ended([slot.generation for slot in account.slots])
        over = [self._generations.load(name) for name, is_over in ended.items() if is_over]
        finished = [generation for generation in await asyncio.gather(*over) if generation is not None]
        await asyncio.gather(*(self.settle(generation) for generation in finished))
        return bool(finished)

    async def _exact(self, developer: str, bounds: Bounds) -> Account:
        account = await self._ledger.account(developer)
        if account.slots and bounds.concurrent is not None and await self._settle_over(account):
            account = await self._ledger.account(developer)
        self._remember(developer, account)
        return account

    async def _current(self, developer: str, period: str, bounds: Bounds) -> Account:
        account = await self._ledger.account(developer)
        if not _has_room(account, period, bounds) and await self._settle_over(account):
            account = await self._ledger.account(developer)
        self._note(developer, account, running=0)
        return account

    def _note(self, developer: str, account: Account, *, running: int) -> None:
        """Remember an account whose holders all run for certain; of another one `standing` reads more."""
        if len(account.slots) == running:
            self._remember(developer, account)
        else:
            self._seen.pop(developer, None)

    def _remember(self, developer: str, account: Account) -> None:
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[developer] = self._clock(), account

    async def _refusal(self, developer: str, account: Account, period: str, bounds: Bounds) -> LimitError:
        now = self._clock()
        if bounds.monthly is not None and account.used_in(period) >= bounds.monthly:
            # The month may have turned since the request: then the next one has room at once.
            wait = seconds_to_next_period(now) if period_of(now) == period else 1
            return LimitError(ErrorCode.GENERATION_LIMIT, wait)
        return LimitError(ErrorCode.GENERATION_LIMIT, await self._wait(developer, account))

    async def _wait(self, developer: str, account: Account) -> int:
        """Estimate when a slot is free. Whoever holds one is given a moment to append its first event."""
        begun = await self._begun(account)
        fresh = self._clock() - _FRESH
        if any(slot.since > fresh for slot in account.slots if slot.generation not in begun):
            await asyncio.sleep(_MOMENT)
            begun = await self._begun(account)
        return seconds_to_free_slot(
            [slot.since for slot in account.slots if slot.generation in begun],
            self._clock(),
            await self._durations(developer),
            orphans=[slot.since for slot in account.slots if slot.generation not in begun],
        )

    async def _begun(self, account: Account) -> Collection[str]:
        return await self._generations.ended([slot.generation for slot in account.slots])


def _tell_failures(developer: str, done: Sequence[bool | BaseException]) -> None:
    """Log what could not be freed, for it is one developer's; raise what would hold for all of them."""
    for error in done:
        if isinstance(error, StoreUnavailableError) or not isinstance(error, bool | Exception):
            raise error
        if isinstance(error, Exception):
            log.warning("hold not freed", developer=developer, error=repr(error))


def _has_room(account: Account, period: str, bounds: Bounds) -> bool:
    units = bounds.monthly is None or account.used_in(period) < bounds.monthly
    return units and (bounds.concurrent is None or len(account.slots) < bounds.concurrent)
