"""Answers of the store that many calls may share for a moment."""

import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from store.mongo.batcher import Batcher, shared

Answer = TypeVar("Answer")


class Recent(Generic[Answer]):
    """One answer, used for `seconds` after its read began, by the monotonic clock; concurrent reads are one.

    Raises what `read` raises; then nothing is kept.
    """

    def __init__(
        self, read: Callable[[], Awaitable[Answer]], *, seconds: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._seconds = seconds
        self._monotonic = monotonic
        self._known: tuple[float, Answer] | None = None
        self._reads: Batcher[None, Answer] = shared(lambda _: self._renew())

    async def get(self, *, at_most: float | None = None) -> Answer:
        """Return an answer that is at most `seconds` old, or at most as old as given."""
        seconds = self._seconds if at_most is None else at_most
        if self._known is not None and self._monotonic() - self._known[0] < seconds:
            return self._known[1]
        return await self.fresh()

    async def fresh(self) -> Answer:
        """Return an answer whose read begins now."""
        return await self._reads.put(None)

    def forget(self) -> None:
        """Read again at the next call."""
        self._known = None

    async def _renew(self) -> Answer:
        asked = self._monotonic()
        answer = await self._read()
        self._known = asked, answer
        return answer
