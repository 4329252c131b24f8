"""Limit the bytes of uploads that one process holds at once, in memory and in temporary files."""

import asyncio
from collections import deque

from domain.errors import ErrorCode, ExemplarError


class UploadBudget:
    """Bytes shared by all uploads of a process; first come, first served.

    ``limit`` in bytes; ``wait`` in seconds: how long an upload waits for free bytes before it is refused
    with ``server_busy``.
    """

    def __init__(self, limit: int, *, wait: float) -> None:
        self.free = limit
        self._wait = wait
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> None:
        """Take ``size`` bytes, waiting until others return theirs; raises server_busy."""
        if not self._queue and size <= self.free:
            self.free -= size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((size, turn))
        try:
            async with asyncio.timeout(self._wait):
                await turn
        except BaseException as error:
            self._leave(size, turn)
            if isinstance(error, TimeoutError):
                raise ExemplarError(ErrorCode.SERVER_BUSY) from None
            raise

    def give_back(self, size: int) -> None:
        """Return bytes to the budget and grant them to the uploads that have waited longest."""
        self.free += size
        while self._queue:
            wanted, turn = self._queue[0]
            if not turn.done():
                if wanted > self.free:
                    return
                self.free -= wanted
                turn.set_result(None)
            self._queue.popleft()

    def _leave(self, size: int, turn: asyncio.Future[None]) -> None:
        """Leave the queue; return bytes that were granted in the same moment."""
        granted = turn.done() and not turn.cancelled()
        turn.cancel()
        self.give_back(size if granted else 0)


class UploadLease:
    """Bytes taken by one upload, in steps of 256 kB so that small reads need no queue."""

    STEP = 256 * 1024

    def __init__(self, budget: UploadBudget) -> None:
        self._budget = budget
        self._taken = 0
        self._used = 0

    async def use(self, size: int) -> None:
        """Use ``size`` more bytes; raises server_busy when the budget stays used up."""
        self._used += size
        while self._taken < self._used:
            await self._budget.take(self.STEP)
            self._taken += self.STEP

    def close(self) -> None:
        """Return all bytes; closing twice is no error."""
        taken, self._taken, self._used = self._taken, 0, 0
        if taken:
            self._budget.give_back(taken)
