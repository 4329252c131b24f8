"""The day's API requests of a developer: counted in memory, set aside in the store by blocks.

Never more requests than the limit are let in. A process that is killed takes its block with it, and until it
is spent or given back a block is out of others' reach: at most one hundredth of the day (and at most 100) for
each gateway, and towards the end of the day's requests less, down to one.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from domain.limits import Purse, block_of
from domain.quota import day_of

_SECOND = timedelta(seconds=1)


class RequestCounts(Protocol):
    """One count per developer and day."""

    async def take(self, developer: str, day: str, *, block: int, limit: int) -> tuple[int, int]:
        """Set a block aside, less of it as the limit comes near; return how many and all that are taken."""
        ...

    async def give_back(self, day: str, tokens: Mapping[str, int]) -> None:
        """Lower the counts of a day, by developer, by what was set aside and not spent."""
        ...

    async def taken(self, developer: str, day: str) -> int:
        """Read how many are set aside or spent."""
        ...


@dataclass(slots=True)
class _Holder:
    purse: Purse
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Requests:
    """Spend requests of developers in this process."""

    def __init__(self, counts: RequestCounts, *, clock: Callable[[], datetime]) -> None:
        self._counts = counts
        self._clock = clock
        self._holders: dict[str, _Holder] = {}

    async def spend(self, developer: str, limit: int | None) -> bool:
        """Pay for one request; False when the day's are used up. Costs a round trip once in a block."""
        if limit is None:
            return True
        holder = self._holder(developer)
        if holder.purse.spend(self._clock()):
            return True
        async with holder.lock:
            return await self._refill(developer, holder, limit)

    async def left(self, developer: str, limit: int | None) -> int | None:
        """Count what is surely left today, as of at most a second ago; None for no limit."""
        if limit is None:
            return None
        holder = self._holder(developer)
        purse, now = holder.purse, self._clock()
        if purse.seen_at is None or now - purse.seen_at >= _SECOND:
            async with holder.lock:
                if purse.seen_at is None or now - purse.seen_at >= _SECOND:
                    purse.taken = await self._counts.taken(developer, purse.day)
                    purse.seen_at = now
        return purse.left(limit)

    async def give_back(self, *, idle: timedelta = timedelta()) -> int:
        """Return the tokens of developers who sent nothing for `idle`; return how many."""
        now, returned = self._clock(), dict[tuple[str, str], int]()
        for developer, holder in list(self._holders.items()):
            spent_at = holder.purse.spent_at or holder.purse.seen_at or now
            if now - spent_at >= idle and not holder.lock.locked():
                del self._holders[developer]
                returned[holder.purse.day, developer] = holder.purse.empty()
        for day in {day for day, _ in returned}:
            tokens = {name: n for (of, name), n in returned.items() if of == day and n}
            if tokens:
                await self._counts.give_back(day, tokens)
        return sum(returned.values())

    async def _refill(self, developer: str, holder: _Holder, limit: int) -> bool:
        purse, now = holder.purse, self._clock()
        if purse.spend(now):
            return True
        if purse.empty_at is not None and now - purse.empty_at < _SECOND:
            return False
        tokens, taken = await self._counts.take(developer, purse.day, block=block_of(limit), limit=limit)
        purse.put(tokens, taken, now)
        return purse.spend(now)

    def _holder(self, developer: str) -> _Holder:
        day = day_of(self._clock())
        holder = self._holders.get(developer)
        if holder is None or holder.purse.day != day:
            holder = self._holders[developer] = _Holder(Purse(day))
        return holder
