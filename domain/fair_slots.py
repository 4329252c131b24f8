"""Slots for work of which little fits at once, given to those who wait in turn."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairSlots:
    """At most ``count`` holders' jobs at a time, of one holder at most ``most``.

    A free slot goes to the holder with the fewest jobs in progress, of several to the one that was served longest ago:
    however many jobs of one holder wait, another's next one waits for those that have begun.
    """

    def __init__(self, count: int, *, most: int | None = None) -> None:
        self._free = count
        self._most = count if most is None else most
        self._used: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._served = 0
        self._served_last: dict[str, int] = {}  # of those with jobs in progress or waiting

    def is_free(self, holder: str) -> bool:
        """Tell whether a job of the holder would begin at once."""
        return self._free > 0 and self._used[holder] < self._most

    def waiting(self, holder: str | None = None) -> int:
        """Count the jobs that wait, all or those of one holder."""
        return sum(len(jobs) for name, jobs in self._waiting.items() if holder in (None, name))

    @asynccontextmanager
    async def slot(self, holder: str) -> AsyncIterator[None]:
        """Hold a slot, waiting until it is the holder's turn."""
        await self._acquire(holder)
        try:
            yield
        finally:
            self._release(holder)

    async def _acquire(self, holder: str) -> None:
        if self.is_free(holder):
            self._take(holder)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(holder, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._remove(holder, turn)
            else:  # it was granted in the same moment
                self._release(holder)
            raise

    def _take(self, holder: str) -> None:
        self._free -= 1
        self._used[holder] += 1
        self._served += 1
        self._served_last[holder] = self._served

    def _release(self, holder: str) -> None:
        self._free += 1
        self._used[holder] -= 1
        self._grant()
        self._forget(holder)

    def _grant(self) -> None:
        while allowed := [name for name in self._waiting if self.is_free(name)]:
            holder = min(allowed, key=lambda name: (self._used[name], self._served_last.get(name, 0)))
            turn = self._waiting[holder].popleft()
            if not self._waiting[holder]:
                del self._waiting[holder]
            if not turn.done():
                self._take(holder)
                turn.set_result(None)

    def _remove(self, holder: str, turn: asyncio.Future[None]) -> None:
        jobs = self._waiting.get(holder, deque())
        if turn in jobs:
            jobs.remove(turn)
        if not jobs:
            self._waiting.pop(holder, None)
            self._forget(holder)

    def _forget(self, holder: str) -> None:
        if not self._used[holder] and holder not in self._waiting:
            del self._used[holder]
            self._served_last.pop(holder, None)
