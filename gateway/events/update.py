"""Updates and their listeners; among these are requests that wait for one update: long polls, `Prefer: wait`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Update:
    """New visible events as SSE frames, encoded once for all listeners; `final`: no event follows."""

    frames: bytes
    final: bool = False


class Listener(Protocol):
    """Receives updates; `deliver` must not block."""

    def deliver(self, update: Update) -> None: ...


def deliver(listener: Listener, update: Update) -> None:
    """Deliver an update, unless it is empty; a listener that fails does not affect the others."""
    if not (update.frames or update.final):
        return
    try:
        listener.deliver(update)
    except Exception:
        log.exception("listener_failed")


class Waiter:
    """A listener that waits for the first wanted update."""

    __slots__ = ("_wanted", "arrived")

    def __init__(self, wanted: Callable[[Update], bool]) -> None:
        self._wanted = wanted
        self.arrived: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def deliver(self, update: Update) -> None:
        """End the wait if the update is wanted."""
        if not self.arrived.done() and self._wanted(update):
            self.arrived.set_result(True)


class Waiters:
    """All waiters of one process, so that a shutdown ends them together."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[bool]] = set()
        self._draining = False

    async def wait(self, waiter: Waiter, seconds: float) -> bool:
        """Wait for an update; False when none arrives in time, or at a drain."""
        if self._draining:
            return False
        self._waiting.add(waiter.arrived)
        try:
            return await asyncio.wait_for(waiter.arrived, seconds)
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(waiter.arrived)

    def drain(self) -> None:
        """End all waits, and those to come."""
        self._draining = True
        for arrived in tuple(self._waiting):
            if not arrived.done():
                arrived.set_result(False)
