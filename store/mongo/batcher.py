"""Batches: concurrent calls share round trips; calls that arrive during a batch go into the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batcher(Generic[Item, Answer]):
    """Group items of concurrent callers into one call of `send`.

    `send` returns the answer or the exception of each item, in order; an exception that it raises goes to
    every caller. There is no timer: an idle batcher sends at once. With `apart`, batches begin at least so many seconds
    apart: what nobody waits for is sent together.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        largest: int = 200,
        apart: float = 0.0,
    ) -> None:
        self._send = send
        self._largest = largest
        self._apart, self._begun = apart, float("-inf")
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._running: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Answer:
        """Return the answer to an item; raises its exception or that of its batch."""
        return await self._added(item)

    async def put_all(self, items: Iterable[Item]) -> list[Answer | Exception]:
        """Return the answer to each of several items, or its exception; cheaper than a call for each."""
        added, answers = [*map(self._added, items)], list[Answer | Exception]()
        try:
            for one in added:
                try:
                    answers.append(await one)
                except Exception as error:  # noqa: BLE001 - the caller tells which are its own
                    answers.append(error)
        finally:
            for one in added:
                one.cancel()  # nobody waits any more, if this call was canceled
        return answers

    def _added(self, item: Item) -> asyncio.Future[Answer]:
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return done

    async def _run(self) -> None:
        while self._waiting:
            if self._apart:
                await self._until_next()
            batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
            answers: Sequence[Answer | Exception]
            try:
                answers = await self._send([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - handed to every caller of the batch
                answers = [error] * len(batch)
            for (_, done), answer in zip(batch, answers, strict=True):
                if done.cancelled():
                    continue
                if isinstance(answer, Exception):
                    done.set_exception(answer)
                else:
                    done.set_result(answer)

    async def _until_next(self) -> None:
        now = asyncio.get_running_loop().time
        if (early := self._begun + self._apart - now()) > 0:
            await asyncio.sleep(early)
        self._begun = now()


def shared(find: Callable[[Item], Awaitable[Answer]], *, largest: int = 64) -> Batcher[Item, Answer]:
    """Batch calls of `find`: equal concurrent calls share one answer, none older than the call."""

    async def send(items: Sequence[Item]) -> Sequence[Answer]:
        different = list(dict.fromkeys(items))
        answers = await asyncio.gather(*map(find, different))
        found = dict(zip(different, answers, strict=True))
        return [found[item] for item in items]

    return Batcher(send, largest=largest)
