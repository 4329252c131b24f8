"""The outbox: a commit keeps its mark until its message is confirmed."""

import asyncio

import structlog

from store.commits.contract import EventStore
from store.errors import StoreError

log = structlog.get_logger()


class Outbox:
    """Clear marks in background tasks; the relay publishes a commit whose mark stays again."""

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._clearing: set[asyncio.Task[None]] = set()

    def published(self, commit_id: str) -> None:
        """Record in the background that every message of a commit is confirmed."""
        task = asyncio.create_task(self._clear(commit_id))
        self._clearing.add(task)
        task.add_done_callback(self._clearing.discard)

    async def drain(self) -> None:
        """Wait for the background tasks."""
        await asyncio.gather(*self._clearing)

    async def _clear(self, commit_id: str) -> None:
        try:
            await self._events.mark_published([commit_id])
        except StoreError as error:
            log.warning("outbox_mark_not_cleared", commit_id=commit_id, error=str(error))
