import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

LeaseTable = dict[str, tuple[str, datetime]]
"""Job -> holder and end; shared by the holders of one simulation."""


class MemoryLeases:
    """Leases in a shared dictionary, for simulation."""

    def __init__(self, table: LeaseTable, *, holder: str, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._holder = holder
        self._clock = clock

    async def take(self, job: str, *, seconds: float) -> bool:
        await asyncio.sleep(0)
        now = self._clock()
        holder, until = self._table.get(job, (self._holder, now))
        if holder != self._holder and until >= now:
            return False
        self._table[job] = (self._holder, now + timedelta(seconds=seconds))
        return True

    async def free(self) -> None:
        await asyncio.sleep(0)
        for job in [job for job, (holder, _) in self._table.items() if holder == self._holder]:
            del self._table[job]
