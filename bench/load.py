"""Concurrent clients under constant load, and their rate."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """The durations of the calls that ended within the time, in seconds, sorted."""

    seconds: float
    durations: list[float]

    @property
    def per_second(self) -> float:
        return len(self.durations) / self.seconds

    def quantile(self, share: float) -> float:
        return self.durations[min(len(self.durations) - 1, int(share * len(self.durations)))]


async def keep_busy(call: Callable[[], Awaitable[object]], *, clients: int, seconds: float) -> Rate:
    """Run `clients` concurrently; each calls again as soon as its last call has ended."""
    durations: list[float] = []
    began = time.perf_counter()

    async def client() -> None:
        while time.perf_counter() - began < seconds:
            start = time.perf_counter()
            await call()
            durations.append(time.perf_counter() - start)

    await asyncio.gather(*(client() for _ in range(clients)))
    return Rate(time.perf_counter() - began, sorted(durations))
