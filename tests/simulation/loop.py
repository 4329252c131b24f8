"""An event loop with a virtual clock, a seeded order, and processes that can be killed and frozen at every await."""

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any


class Process:
    """What runs in one simulated process: killed, its tasks never run again; frozen, they wait."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen_until = 0.0
        self.died = asyncio.Event()

    def run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin a task of this process."""
        context = copy_context()
        context.run(_PROCESS.set, self)
        return asyncio.get_running_loop().create_task(work, context=context)


_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class Handle(asyncio.Handle):
    """A callback of a loop that has no debug mode: a life makes thousands."""

    __slots__ = ()

    def __init__(self, callback: Callable[..., Any], args: Any, loop: asyncio.AbstractEventLoop, context: Context):
        self._context = context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None


class SimulationLoop(asyncio.BaseEventLoop):
    """Run one callback at a time, any of those that are ready; when none is, time jumps to the next timer.

    `on_step` is called before each callback of a process and may kill or freeze it.
    """

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.steps = 0
        self.on_step: Callable[[Process], None] = lambda _: None
        self._chance = chance
        self._now = 0.0
        self._dead: list[Handle] = []  # kept, so that no `finally` of a killed process runs
        self._ready: Any
        self._scheduled: Any
        self._stopping: bool

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]  # the types of the arguments are the callback's own
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        """Skip what the base class checks: there is one thread."""
        handle = Handle(callback, args, self, copy_context() if context is None else context)
        self._ready.append(handle)
        return handle

    def outside(self, delay: float, work: Callable[[], object]) -> None:
        """Call something that belongs to no process later."""
        self.call_later(delay, work, context=Context())

    def _run_once(self) -> None:
        ready, draw = self._ready, self._chance.random
        while not self._stopping:
            if not ready or (self._scheduled and self._scheduled[0]._when <= self._now):
                self._take_timers()
            index = int(draw() * len(ready))
            handle = ready[index]
            del ready[index]
            if handle._cancelled:
                continue
            process = handle._context.get(_PROCESS)
            if process is None or self._may_run(process, handle):
                handle._run()

    def _take_timers(self) -> None:
        if not (self._ready or self._scheduled):
            raise RuntimeError("nothing is left to run")
        while self._scheduled and (not self._ready or self._scheduled[0]._when <= self._now):
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False
            if not timer.cancelled():
                self._now = max(self._now, timer.when())
                self._ready.append(timer)

    def _may_run(self, process: Process, handle: Handle) -> bool:
        if process.alive and process.frozen_until <= self._now:
            self.steps += 1
            self.on_step(process)
        if not process.alive:
            self._dead.append(handle)
            return False
        if process.frozen_until > self._now:
            self.outside(process.frozen_until - self._now, lambda: self._ready.append(handle))
            return False
        return True

    def _process_events(self, _: object) -> None: ...

    def _write_to_self(self) -> None: ...


def run(work: Callable[[SimulationLoop], Coroutine[Any, Any, Any]], chance: random.Random) -> Any:
    """Run a coroutine on a loop of its own; what is left is abandoned, as by a power failure."""
    loop = SimulationLoop(chance)
    loop.set_exception_handler(lambda *_: None)  # what nobody waits for any more
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work(loop))
    finally:
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        asyncio.set_event_loop(None)
        loop.close()
