"""Limit the bytes that transfers of one process hold at once, in memory and in temporary files."""

import asyncio
from collections import Counter, deque

from domain.errors import ErrorCode, ExemplarError

_Shares = dict[str, int]


class ByteBudget:
    """Bytes shared by all transfers of a kind; first come, first served among those that fit.

    A holder is a developer or a client address, ``user`` the account that acts for it, empty when it is not known.
    ``limit`` in bytes; ``share``: at most so many for one holder, and beyond its first transfer only the same part
    of what is left as a share is of the rest, so that a few greedy holders leave room for others; ``user_share``: the
    same for one account; ``wait`` in seconds: how long a transfer waits for free bytes before it is refused with
    ``server_busy``.
    """

    def __init__(self, limit: int, *, share: int, wait: float, user_share: int | None = None) -> None:
        self.free = self.limit = limit
        self._share = min(share, limit)
        self._user_share = min(share if user_share is None else user_share, limit)
        self._wait = wait
        self._held: Counter[str] = Counter()
        self._queue: deque[tuple[_Shares, int, asyncio.Future[None]]] = deque()

    def fits(self, holder: str, size: int, *, user: str = "") -> bool:
        """Tell whether a transfer would get ``size`` bytes without waiting."""
        return self._fits(self._shares(holder, user), size)

    async def take(self, holder: str, size: int, *, user: str = "") -> None:
        """Take ``size`` bytes, waiting until others return theirs; raises server_busy."""
        shares = self._shares(holder, user)
        if self._fits(shares, size):
            self._count(shares, size)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((shares, size, turn))
        try:
            async with asyncio.timeout(self._wait):
                await turn
        except BaseException as error:
            self._leave(shares, size, turn)
            if isinstance(error, TimeoutError):
                raise ExemplarError(ErrorCode.SERVER_BUSY) from None
            raise

    def give_back(self, holder: str, size: int, *, user: str = "") -> None:
        """Return bytes to the budget and grant them to the transfers that have waited longest."""
        self._count(self._shares(holder, user), -size)
        self._grant()

    def _shares(self, holder: str, user: str) -> _Shares:
        """Map the names that a transfer counts for to their shares, the narrowest last."""
        return {holder: self._share} | ({f"user {user}": self._user_share} if user else {})

    def _fits(self, shares: _Shares, size: int) -> bool:
        stopped = {name for waiting, bytes_, _ in self._queue for name in self._lacking(waiting, bytes_)}
        return not self._lacking(shares, size) and stopped.isdisjoint(shares)

    def _lacking(self, shares: _Shares, size: int) -> set[str]:
        """Choose the names whose share does not allow so many bytes more; the narrowest if nobody's does."""
        left = self.free - size
        if left < 0:
            return {[*shares][-1]}
        return {name for name, share in shares.items() if not self._allows(name, share, size, left)}

    def _allows(self, name: str, share: int, size: int, left: int) -> bool:
        held = self._held[name] + size
        is_first = held == size
        return held <= share and (is_first or held * (self.limit - share) <= left * share)

    def _count(self, shares: _Shares, size: int) -> None:
        self.free -= size
        for name in shares:
            self._held[name] += size
            if not self._held[name]:
                del self._held[name]

    def _grant(self) -> None:
        """Grant in the order of waiting; whoever has to wait stops those alone that need the same share."""
        stopped = set[str]()
        for waiting in tuple(self._queue):
            shares, size, turn = waiting
            if not turn.done():
                lacking = self._lacking(shares, size)
                if lacking or not stopped.isdisjoint(shares):
                    stopped |= lacking or {[*shares][-1]}
                    continue
                self._count(shares, size)
                turn.set_result(None)
            self._queue.remove(waiting)

    def _leave(self, shares: _Shares, size: int, turn: asyncio.Future[None]) -> None:
        """Leave the queue; return bytes that were granted in the same moment."""
        granted = turn.done() and not turn.cancelled()
        turn.cancel()
        self._count(shares, -size if granted else 0)
        self._grant()


class ByteLease:
    """Bytes taken by one transfer of a holder and its user, in steps of 256 kB so that small reads need no queue."""

    STEP = 256 * 1024

    def __init__(self, budget: ByteBudget, holder: str, *, user: str = "") -> None:
        self._budget = budget
        self._holder, self._user = holder, user
        self._taken = 0
        self._used = 0

    async def use(self, size: int) -> None:
        """Use ``size`` more bytes; raises server_busy when the budget stays used up."""
        self._used += size
        if missing := -(-max(self._used - self._taken, 0) // self.STEP) * self.STEP:
            # At once: transfers that each wait for their last step would wait for each other.
            await self._budget.take(self._holder, missing, user=self._user)
            self._taken += missing

    def close(self) -> None:
        """Return all bytes; closing twice is no error."""
        taken, self._taken, self._used = self._taken, 0, 0
        if taken:
            self._budget.give_back(self._holder, taken, user=self._user)
