"""The outbox: a commit keeps its mark until its message is confirmed."""

import asyncio

import structlog

from store.commits.contract import EventStore
from store.errors import StoreError

log = structlog.get_logger()


class Outbox:
    """Clear marks beside the work, never in its way: a mark that stays is published again by the relay."""

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._clearing: set[asyncio.Task[None]] = set()

    def published(self, commit_id: str) -> None:
        """Note on the running loop that every message of a commit is confirmed and routed."""
        task = asyncio.create_task(self._clear(commit_id))
        self._clearing.add(task)
        task.add_done_callback(self._clearing.discard)

    async def drain(self) -> None:
        """Wait for the marks that are being cleared."""
        await asyncio.gather(*self._clearing)

    async def _clear(self, commit_id: str) -> None:
        try:
            await self._events.mark_published([commit_id])
        except StoreError as error:
            log.warning("outbox mark stays", commit_id=commit_id, error=str(error))
