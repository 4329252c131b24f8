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
        self._waiting: list[tuple[Sequence[Item], asyncio.Future[Sequence[Answer | Exception]]]] = []
        self._running: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Answer:
        """Return the answer to an item; raises its exception or that of its batch."""
        [answer] = await self._added([item])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def put_all(self, items: Iterable[Item]) -> Sequence[Answer | Exception]:
        """Return the answer to each of several items, or its exception; cheaper than a call for each."""
        group = [*items]
        return await self._added(group) if group else []

    def _added(self, group: Sequence[Item]) -> asyncio.Future[Sequence[Answer | Exception]]:
        done: asyncio.Future[Sequence[Answer | Exception]] = asyncio.get_running_loop().create_future()
        self._waiting.append((group, done))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return done

    async def _run(self) -> None:
        while self._waiting:
            if self._apart:
                await self._until_next()
            groups = self._taken()
            answers = await self._answers([item for group, _ in groups for item in group])
            start = 0
            for group, done in groups:
                if not done.cancelled():
                    done.set_result(answers[start : start + len(group)])
                start += len(group)

    def _taken(self) -> Sequence[tuple[Sequence[Item], asyncio.Future[Sequence[Answer | Exception]]]]:
        """Take the groups of the next batch, at least one: a group that is larger than a batch is sent by itself."""
        number, size = 1, len(self._waiting[0][0])
        while number < len(self._waiting) and (size := size + len(self._waiting[number][0])) <= self._largest:
            number += 1
        taken, self._waiting = self._waiting[:number], self._waiting[number:]
        return taken

    async def _answers(self, items: Sequence[Item]) -> Sequence[Answer | Exception]:
        answers = list[Answer | Exception]()
        for start in range(0, len(items), self._largest):
            batch = items[start : start + self._largest]
            try:
                answers += [answer for _, answer in zip(batch, await self._send(batch), strict=True)]
            except Exception as error:  # noqa: BLE001 - handed to every caller of the batch
                answers += [error] * len(batch)
        return answers

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
