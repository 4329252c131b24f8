import asyncio
from collections.abc import Callable

from events.envelope import RecordedEvent


class Received:
    """Record what was received, and wait until it is enough."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._adding: set[asyncio.Future[None]] = set()
        self._changed = asyncio.Condition()

    async def handle(self, event: RecordedEvent) -> None:
        await self.add(event.id)

    def note(self, name: str) -> None:
        adding = asyncio.ensure_future(self.add(name))
        self._adding.add(adding)
        adding.add_done_callback(self._adding.discard)

    async def add(self, name: str) -> None:
        async with self._changed:
            self.ids.append(name)
            self._changed.notify_all()

    async def until(self, enough: Callable[[list[str]], bool], seconds: float = 20) -> list[str]:
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: enough(self.ids))
        return self.ids

    async def all_of(self, *names: str) -> list[str]:
        return await self.until(lambda ids: set(names) <= set(ids))
