import asyncio
import time
from collections import deque
from collections.abc import Callable
from itertools import groupby

from exemplar.environment import ConfigurationError
from exemplar.local.processes import Child

LOG_BYTES, LOGS_CHECKED_EVERY_S = 32 << 20, 30.0
RESTARTS, WITHIN_S = 5, 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
HURRIED_GRACE_S = 2.0
SERVERS = 8
"""Children of this rank and above are servers, not processes of the product."""


class Supervisor:
    """Restarts children that end, as a service manager does, and stops them in order."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._children: list[Child] = []

    def adopt(self, *children: Child) -> None:
        """Add children; stop() ends them whether they are running yet or not."""
        self._children += children

    async def watch(self) -> None:
        """Restart children that end, forever; raise ConfigurationError when one ends a sixth time within a minute."""
        tasks = [asyncio.ensure_future(self._keep(child)) for child in self._children]
        tasks.append(asyncio.ensure_future(self._rotate_logs()))
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Stop all children: lower ranks first, those of one rank together."""
        ordered = sorted(self._children, key=lambda child: child.program.rank)
        for _, rank in groupby(ordered, key=lambda child: child.program.rank):
            await asyncio.gather(*(asyncio.to_thread(child.stop) for child in rank))

    def hurry(self) -> None:
        """Kill the processes of the product if they have not ended in two seconds; servers end quickly."""
        loop = asyncio.get_running_loop()
        for child in self._children:
            if child.program.rank < SERVERS:
                loop.call_later(HURRIED_GRACE_S, child.kill)

    async def _rotate_logs(self) -> None:
        """Keep each log small, and its older files."""
        while True:
            for child in self._children:
                await asyncio.to_thread(child.rotate_log, LOG_BYTES)
            await asyncio.sleep(LOGS_CHECKED_EVERY_S)

    async def _keep(self, child: Child) -> None:
        ends: deque[float] = deque()
        while True:
            code = await child.ended()
            ends.append(time.monotonic())
            while ends[-1] - ends[0] > WITHIN_S:
                ends.popleft()
            if len(ends) > RESTARTS:
                raise ConfigurationError(f"{child.name} ended {len(ends)} times within a minute{child.log_tail()}")
            # Not store.backoff: exemplar.local imports none of the product's packages.
            pause_s = min(FIRST_PAUSE_S * 2 ** (len(ends) - 1), LONGEST_PAUSE_S)
            reason = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._say(f"{child.name} ended ({reason}), restarting in {pause_s:.1f} s{child.log_tail(5)}")
            await asyncio.sleep(pause_s)
            _start_again(child)


def _start_again(child: Child) -> None:
    try:
        child.start()
    except OSError as error:  # a full disk among them
        fault = f"{child.name} cannot be started again: {error.strerror}"
        raise ConfigurationError(f"{fault}: `exemplar doctor` looks at the disk; repair it and start again") from error
