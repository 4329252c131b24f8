"""Requests that wait for news and are answered once: long polls and `Prefer: wait`."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

News = TypeVar("News")


class Waiter(Generic[News]):
    """Wait once for news that are wanted."""

    __slots__ = ("_wanted", "came")

    def __init__(self, wanted: Callable[[News], bool]) -> None:
        self._wanted = wanted
        self.came: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def deliver(self, update: News) -> None:
        """Take notice of news."""
        if not self.came.done() and self._wanted(update):
            self.came.set_result(True)


class Waits:
    """All waits of one process, so that they can be ended together."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Future[bool]] = set()
        self._draining = False

    async def until(self, came: asyncio.Future[bool], seconds: float) -> bool:
        """Wait for a future; False when it does not come in time, or at a drain."""
        if self._draining:
            return False
        self._under_way.add(came)
        try:
            return await asyncio.wait_for(came, seconds)
        except TimeoutError:
            return False
        finally:
            self._under_way.discard(came)

    def drain(self) -> None:
        """End all waits, and those to come."""
        self._draining = True
        for came in tuple(self._under_way):
            if not came.done():
                came.set_result(False)
