"""The day's API requests of a developer: reserved in the store in blocks, spent in memory.

Never more requests than the limit are admitted. Until a block is spent or returned it is out of reach for
other processes; a killed process loses its block. A block is at most one hundredth of the day's requests (and
at most 100), and less near the limit, down to one. Tokens reserved under another limit are returned.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from domain.accounts.limits import TokenBucket, block_of
from domain.accounts.quota import day_of
from store.quota.request_counts import RequestCounts, TokenReturn

_SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class _Reservation:
    bucket: TokenBucket
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Requests:
    """Spend the requests of developers in this process."""

    request_counts: RequestCounts
    clock: Callable[[], datetime]
    new_id: Callable[[], str] = lambda: uuid4().hex
    _reservations: dict[str, _Reservation] = field(default_factory=dict, init=False)
    _owed: dict[str, TokenReturn] = field(default_factory=dict, init=False)

    async def spend(self, developer: str, limit: int | None) -> bool:
        """Spend one request; False when the day's are used up. One round trip for each block."""
        if limit is None:
            return True
        reservation = self._reservation(developer, limit)
        if reservation.bucket.spend(self.clock()):
            return True
        async with reservation.lock:
            return await self._refill(developer, reservation)

    async def left(self, developer: str, limit: int | None) -> int | None:
        """Count what is certainly left today, as of at most a second ago; None for no limit."""
        if limit is None:
            return None
        reservation = self._reservation(developer, limit)
        bucket, now = reservation.bucket, self.clock()
        if _is_stale(bucket, now):
            async with reservation.lock:
                if _is_stale(bucket, now):
                    bucket.taken = await self.request_counts.taken(developer, bucket.day)
                    bucket.seen_at = now
        return bucket.left

    async def give_back(self, *, idle: timedelta = timedelta()) -> int:
        """Return the tokens of developers without requests for `idle`; return how many.

        Tokens that the store does not take now are kept for the next call.
        """
        now = self.clock()
        for developer, reservation in list(self._reservations.items()):
            bucket = reservation.bucket
            spent_at = bucket.spent_at or bucket.seen_at or now
            if now - spent_at >= idle and not reservation.lock.locked():
                del self._reservations[developer]
                self._owe(developer, bucket)
        return await self._pay(list(self._owed.values()))

    async def _refill(self, developer: str, reservation: _Reservation) -> bool:
        bucket, now = reservation.bucket, self.clock()
        if bucket.spend(now):
            return True
        if bucket.empty_at is not None and now - bucket.empty_at < _SECOND:
            return False
        await self._pay([owed for owed in self._owed.values() if owed.developer == developer])
        block = block_of(bucket.limit)
        tokens, taken = await self.request_counts.take(developer, bucket.day, block=block, limit=bucket.limit)
        bucket.put(tokens, taken, now)
        spent = bucket.spend(now)
        if self._reservations.get(developer) is not reservation:  # the limit has changed meanwhile
            self._owe(developer, bucket)
        return spent

    def _reservation(self, developer: str, limit: int) -> _Reservation:
        """Find the bucket of a developer, day and limit; one of another day or limit is emptied."""
        day = day_of(self.clock())
        current = self._reservations.get(developer)
        if current is not None and (current.bucket.day, current.bucket.limit) == (day, limit):
            return current
        if current is not None:
            self._owe(developer, current.bucket)
        self._reservations[developer] = _Reservation(TokenBucket(day, limit))
        return self._reservations[developer]

    def _owe(self, developer: str, bucket: TokenBucket) -> None:
        tokens = bucket.empty()
        if tokens and bucket.day == day_of(self.clock()):
            owed = TokenReturn(self.new_id(), developer, bucket.day, tokens)
            self._owed[owed.id] = owed

    async def _pay(self, returns: Sequence[TokenReturn]) -> int:
        if not returns:
            return 0
        await self.request_counts.give_back(returns)
        return sum(owed.tokens for owed in returns if self._owed.pop(owed.id, None) is not None)


def _is_stale(bucket: TokenBucket, now: datetime) -> bool:
    return bucket.seen_at is None or now - bucket.seen_at >= _SECOND
