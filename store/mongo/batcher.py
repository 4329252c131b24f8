"""Concurrent calls share round trips: what arrives while one batch is under way goes with the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Batcher(Generic[Item]):
    """Group items of concurrent callers into one call of `send`.

    `send` takes a batch and returns, in its order, None or the exception of each item; an exception that it
    raises is everybody's. No item waits for a timer: an idle batcher sends at once.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Item]], Awaitable[Sequence[Exception | None]]],
        *,
        largest: int = 200,
    ) -> None:
        self._send = send
        self._largest = largest
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._running: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> None:
        """Send an item with others; raises its own exception or that of the whole batch."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
            outcomes = await self._outcomes([item for item, _ in batch])
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                _resolve(done, outcome)

    async def _outcomes(self, items: Sequence[Item]) -> Sequence[Exception | None]:
        try:
            return await self._send(items)
        except Exception as error:  # noqa: BLE001 - handed to every caller of the batch
            return [error] * len(items)


def _resolve(done: asyncio.Future[None], outcome: Exception | None) -> None:
    if done.cancelled():
        return
    if outcome is None:
        done.set_result(None)
    else:
        done.set_exception(outcome)
