"""Limit the bytes that transfers of one process hold at once, in memory and in temporary files."""

import asyncio
from collections import Counter, deque

from domain.errors import ErrorCode, ExemplarError


class ByteBudget:
    """Bytes shared by all transfers of a kind; first come, first served among those that fit.

    ``limit`` in bytes; ``share``: at most so many for one holder, and beyond its first transfer only the same part
    of what is left as a share is of the rest, so that a few greedy holders leave room for others; ``wait`` in
    seconds: how long a transfer waits for free bytes before it is refused with ``server_busy``.
    """

    def __init__(self, limit: int, *, share: int, wait: float) -> None:
        self.free = limit
        self._share = min(share, limit)
        self._rest = limit - self._share
        self._wait = wait
        self._held: Counter[str] = Counter()
        self._queue: deque[tuple[str, int, asyncio.Future[None]]] = deque()

    def fits(self, holder: str, size: int) -> bool:
        """Tell whether a holder would get ``size`` bytes without waiting."""
        return self._is_available(holder, size) and all(waiting != holder for waiting, _, _ in self._queue)

    async def take(self, holder: str, size: int) -> None:
        """Take ``size`` bytes, waiting until others return theirs; raises server_busy."""
        if self.fits(holder, size):
            self._count(holder, size)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((holder, size, turn))
        try:
            async with asyncio.timeout(self._wait):
                await turn
        except BaseException as error:
            self._leave(holder, size, turn)
            if isinstance(error, TimeoutError):
                raise ExemplarError(ErrorCode.SERVER_BUSY) from None
            raise

    def give_back(self, holder: str, size: int) -> None:
        """Return bytes to the budget and grant them to the transfers that have waited longest."""
        self._count(holder, -size)
        self._grant()

    def _is_available(self, holder: str, size: int) -> bool:
        held, left = self._held[holder] + size, self.free - size
        is_first = held == size
        return left >= 0 and held <= self._share and (is_first or held * self._rest <= left * self._share)

    def _count(self, holder: str, size: int) -> None:
        self.free -= size
        self._held[holder] += size
        if not self._held[holder]:
            del self._held[holder]

    def _grant(self) -> None:
        """Grant in the order of waiting; a holder that has to wait stops no other."""
        stopped = set()
        for waiting in tuple(self._queue):
            holder, size, turn = waiting
            if not turn.done():
                if holder in stopped or not self._is_available(holder, size):
                    stopped.add(holder)
                    continue
                self._count(holder, size)
                turn.set_result(None)
            self._queue.remove(waiting)

    def _leave(self, holder: str, size: int, turn: asyncio.Future[None]) -> None:
        """Leave the queue; return bytes that were granted in the same moment."""
        granted = turn.done() and not turn.cancelled()
        turn.cancel()
        self.give_back(holder, size if granted else 0)


class ByteLease:
    """Bytes taken by one transfer of a holder, in steps of 256 kB so that small reads need no queue."""

    STEP = 256 * 1024

    def __init__(self, budget: ByteBudget, holder: str) -> None:
        self._budget = budget
        self._holder = holder
        self._taken = 0
        self._used = 0

    async def use(self, size: int) -> None:
        """Use ``size`` more bytes; raises server_busy when the budget stays used up."""
        self._used += size
        if missing := -(-max(self._used - self._taken, 0) // self.STEP) * self.STEP:
            # At once: transfers that each wait for their last step would wait for each other.
            await self._budget.take(self._holder, missing)
            self._taken += missing

    def close(self) -> None:
        """Return all bytes; closing twice is no error."""
        taken, self._taken, self._used = self._taken, 0, 0
        if taken:
            self._budget.give_back(self._holder, taken)
