"""The pace of a long run: it tells its progress, and leaves time to what else the process does."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Progress = Callable[[int, int], Awaitable[None]]
"""Is told how much of how much is done."""


@dataclass(slots=True)
class Pace:
    """Work on `size` pieces. share: the part of the time that the work may take, 1.0 for all of it."""

    size: int
    progress: Progress
    share: float = 1.0
    done: int = 0
    _began: float = field(default_factory=time.monotonic)

    async def tick(self, pieces: int) -> None:
        """Note finished pieces, and pause."""
        self.done += pieces
        await self.progress(min(self.done, self.size), self.size)
        await self.pause()

    async def pause(self) -> None:
        """Wait so that the work since the last pause has its share of the time."""
        worked = time.monotonic() - self._began
        await asyncio.sleep(worked * (1 / self.share - 1))
        self._began = time.monotonic()
