import asyncio
import time
from collections import deque
from collections.abc import Callable
from itertools import groupby

from exemplar.local.errors import LocalError
from exemplar.local.processes import Child

RESTARTS, WITHIN_S = 5, 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
HURRIED_GRACE_S = 2.0
SERVERS = 8
"""The rank from which on a child is a server and none of our own processes."""


class Supervisor:
    """Keep children running as a service manager would, and end them in order."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._children: list[Child] = []

    def adopt(self, *children: Child) -> None:
        """Take over children: they are stopped by stop(), whether they run already or not."""
        self._children += children

    async def watch(self) -> None:
        """Restart whatever ends, for ever; LocalError when a child ends a sixth time within a minute."""
        broadcaster = [asyncio.ensure_future(self._keep(child)) for child in self._children]
        try:
            await asyncio.gather(*broadcaster)
        finally:
            for task in broadcaster:
                task.cancel()
            await asyncio.gather(*broadcaster, return_exceptions=True)

    async def stop(self) -> None:
        """End all children: lower ranks first, those of one rank together."""
        ordered = sorted(self._children, key=lambda child: child.program.rank)
        for _, rank in groupby(ordered, key=lambda child: child.program.rank):
            await asyncio.gather(*(asyncio.to_thread(child.stop) for child in rank))

    def hurry(self) -> None:
        """Kill our own processes if they have not ended in two seconds; the servers end quickly anyway."""
        loop = asyncio.get_running_loop()
        for child in self._children:
            if child.program.rank < SERVERS:
                loop.call_later(HURRIED_GRACE_S, child.kill)

    async def _keep(self, child: Child) -> None:
        ends: deque[float] = deque()
        while True:
            code = await child.ended()
            ends.append(time.monotonic())
            while ends[-1] - ends[0] > WITHIN_S:
                ends.popleft()
            if len(ends) > RESTARTS:
                raise LocalError(f"{child.name} ended {len(ends)} times within a minute{child.last_words()}")
            pause_s = min(FIRST_PAUSE_S * 2 ** (len(ends) - 1), LONGEST_PAUSE_S)
            self._say(
                f"{child.name} ended ({_reason(code)}), started again in {pause_s:.1f} s{child.last_words(5)}"
            )
            await asyncio.sleep(pause_s)
            child.start()


def _reason(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
