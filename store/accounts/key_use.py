import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from domain.accounts.access import KeyState
from domain.accounts.access_keys import AccessKeyState
from domain.accounts.keys import is_outdated
from store.errors import StoreUnavailableError
from store.mongo.connection import Document, reachable

USE_IS_NOTED_EVERY = timedelta(minutes=1)

_log = structlog.get_logger()


class KeyUse:
    """Note in the documents of keys when they were used, in background tasks."""

    def __init__(self, keys: Any, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._clock = clock
        self._noting: dict[str, asyncio.Task[None]] = {}

    def note(self, key: KeyState | AccessKeyState | None, present_hash: str | None = None) -> None:
        """Store that a key was used; at most once a minute.

        `present_hash` is the key's hash under the pepper of this process, which replaces one under an older pepper.
        """
        if key is None or key.id in self._noting:
            return
        outdated = present_hash is not None and is_outdated(key.hash, present_hash)
        recent = key.last_used_at and key.last_used_at > self._clock() - USE_IS_NOTED_EVERY
        if outdated or not recent:
            change: Document = {"$max": {"last_used_at": self._clock()}}
            if outdated:
                change["$set"] = {"hash": present_hash}
            self._noting[key.id] = asyncio.create_task(self._note(key, change))

    async def settle(self) -> None:
        """Wait for the background writes; call it before the database closes."""
        await asyncio.gather(*self._noting.values())

    async def _note(self, key: KeyState | AccessKeyState, change: Document) -> None:
        query = {"_id": key.id, "developer_id": key.developer_id, "hash": key.hash}
        try:
            with reachable():
                await self._keys.update_one(query, change)
        except StoreUnavailableError:
            _log.warning("key_use_not_noted", key=key.id)
        finally:
            self._noting.pop(key.id, None)
