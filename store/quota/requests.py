"""The day's API requests of a developer: counted in memory, set aside in the store by blocks.

Never more requests than the limit are let in. A process that is killed takes its block with it, and until it
is spent or given back a block is out of others' reach: at most one hundredth of the day (and at most 100) for
each gateway, and towards the end of the day's requests less, down to one. Where a developer's limit changes,
what was set aside under the old one goes back.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

from domain.accounts.limits import TokenBucket, block_of
from domain.accounts.quota import day_of

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Return:
    """Tokens that go back; the store knows them by their `id` when they come twice."""

    id: str
    developer: str
    day: str
    tokens: int


class RequestCounts(Protocol):
    """One count per developer and day."""

    async def take(self, developer: str, day: str, *, block: int, limit: int) -> tuple[int, int]:
        """Set a block aside, less of it as the limit comes near; return how many and all that are taken."""
        ...

    async def give_back(self, returns: Sequence[Return]) -> None:
        """Lower the counts by what was set aside and not spent; repeatable."""
        ...

    async def taken(self, developer: str, day: str) -> int:
        """Read how many are set aside or spent."""
        ...


@dataclass(slots=True)
class _Holder:
    purse: TokenBucket
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Requests:
    """Spend requests of developers in this process."""

    def __init__(
        self,
        counts: RequestCounts,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._counts = counts
        self._clock = clock
        self._new_id = new_id
        self._holders: dict[str, _Holder] = {}
        self._owed: dict[str, Return] = {}

    async def spend(self, developer: str, limit: int | None) -> bool:
        """Pay for one request; False when the day's are used up. Costs a round trip once in a block."""
        if limit is None:
            return True
        holder = self._holder(developer, limit)
        if holder.purse.spend(self._clock()):
            return True
        async with holder.lock:
            return await self._refill(developer, holder)

    async def left(self, developer: str, limit: int | None) -> int | None:
        """Count what is surely left today, as of at most a second ago; None for no limit."""
        if limit is None:
            return None
        holder = self._holder(developer, limit)
        purse, now = holder.purse, self._clock()
        if purse.seen_at is None or now - purse.seen_at >= _SECOND:
            async with holder.lock:
                if purse.seen_at is None or now - purse.seen_at >= _SECOND:
                    purse.taken = await self._counts.taken(developer, purse.day)
                    purse.seen_at = now
        return purse.left

    async def give_back(self, *, idle: timedelta = timedelta()) -> int:
        """Return the tokens of developers who sent nothing for `idle`; return how many.

        What the store does not take now is kept, and offered again the next time.
        """
        now = self._clock()
        for developer, holder in list(self._holders.items()):
            spent_at = holder.purse.spent_at or holder.purse.seen_at or now
            if now - spent_at >= idle and not holder.lock.locked():
                del self._holders[developer]
                self._owe(developer, holder.purse)
        return await self._pay(list(self._owed.values()))

    async def _refill(self, developer: str, holder: _Holder) -> bool:
        purse, now = holder.purse, self._clock()
        if purse.spend(now):
            return True
        if purse.empty_at is not None and now - purse.empty_at < _SECOND:
            return False
        await self._pay([owed for owed in self._owed.values() if owed.developer == developer])
        block = block_of(purse.limit)
        tokens, taken = await self._counts.take(developer, purse.day, block=block, limit=purse.limit)
        purse.put(tokens, taken, now)
        spent = purse.spend(now)
        if self._holders.get(developer) is not holder:  # the limit has changed meanwhile
            self._owe(developer, purse)
        return spent

    def _holder(self, developer: str, limit: int) -> _Holder:
        """Find the purse of a developer, day and limit; that of another limit is emptied."""
        day = day_of(self._clock())
        holder = self._holders.get(developer)
        if holder is None or (holder.purse.day, holder.purse.limit) != (day, limit):
            if holder is not None:
                self._owe(developer, holder.purse)
            holder = self._holders[developer] = _Holder(TokenBucket(day, limit))
        return holder

    def _owe(self, developer: str, purse: TokenBucket) -> None:
        tokens = purse.empty()
        if tokens and purse.day == day_of(self._clock()):
            owed = Return(self._new_id(), developer, purse.day, tokens)
            self._owed[owed.id] = owed

    async def _pay(self, returns: Sequence[Return]) -> int:
        if not returns:
            return 0
        await self._counts.give_back(returns)
        return sum(owed.tokens for owed in returns if self._owed.pop(owed.id, None) is not None)
