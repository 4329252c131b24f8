import asyncio
from typing import Self

import structlog

from store.commits.contract import EventStore
from store.errors import StoreError

log = structlog.get_logger()


class Outbox:
    """Clear marks in background tasks; the relay publishes a commit whose mark stays again.

    Use it as an async context manager: at its end it waits for the background tasks.
    """

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._clearing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._clearing)

    def published(self, commit_id: str) -> None:
        """Record in the background that every message of a commit is confirmed."""
        task = asyncio.create_task(self._clear(commit_id))
        self._clearing.add(task)
        task.add_done_callback(self._clearing.discard)

    async def _clear(self, commit_id: str) -> None:
        try:
            await self._events.mark_published([commit_id])
        except StoreError as error:
            log.warning("outbox_mark_not_cleared", commit_id=commit_id, error=str(error))
