import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

import structlog
from pymongo import IndexModel

from domain.accounts.access import KeyState
from store.accounts.records import Count, KeyRecord, record_from
from store.errors import StoreUnavailableError
from store.mongo.connection import Database, Document, Indexes, raises_unavailable, reachable

USE_IS_NOTED_EVERY = timedelta(minutes=1)
LISTED = 500

_log = structlog.get_logger()


@raises_unavailable
class AccountKeys:
    """Read the keys of developers and of projects, and note their use; only keyed hashes are stored."""

    indexes: ClassVar[Indexes] = {
        "keys": [
            IndexModel("hash", unique=True),
            IndexModel([("developer_id", 1), ("project_id", 1), ("kind", 1), ("created_at", -1)]),
        ]
    }

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._keys = database["keys"]
        self._clock = clock
        self._noting: dict[str, asyncio.Task[None]] = {}

    async def all_of(self, developer_id: str, project_id: str | None = None) -> list[KeyRecord]:
        """List the API keys of a project, or the developer keys, newest first, at most 500."""
        found = self._keys.find(_owner(developer_id, project_id)).sort([("created_at", -1), ("_id", 1)])
        return [record_from(KeyRecord, document) for document in await found.to_list(LISTED)]

    async def count(self, developer_id: str, project_ids: list[str]) -> Count:
        """Count the API keys of some projects of a developer."""
        query = {"developer_id": developer_id, "project_id": {"$in": project_ids}, "kind": "project"}
        total = await self._keys.count_documents(query)
        return Count(total, await self._keys.count_documents({**query, "active": True}))

    def note_use(self, key: KeyState | None, present_hash: str | None = None) -> None:
        """Store in a background task that a key was used; at most once a minute.

        `present_hash` is the key's hash under today's pepper, which replaces one under an older pepper.
        """
        if key is None or key.id in self._noting:
            return
        outdated = present_hash is not None and present_hash != key.hash
        recent = key.last_used_at and key.last_used_at > self._clock() - USE_IS_NOTED_EVERY
        if outdated or not recent:
            change: Document = {"$max": {"last_used_at": self._clock()}}
            if outdated:
                change["$set"] = {"hash": present_hash}
            self._noting[key.id] = asyncio.create_task(self._note(key, change))

    async def settle(self) -> None:
        """Wait for the background writes; call it before the database closes."""
        await asyncio.gather(*self._noting.values())

    async def _note(self, key: KeyState, change: Document) -> None:
        query = {"_id": key.id, "developer_id": key.developer_id, "hash": key.hash}
        try:
            with reachable():
                await self._keys.update_one(query, change)
        except StoreUnavailableError:
            _log.warning("key_use_not_noted", key=key.id)
        finally:
            self._noting.pop(key.id, None)


def _owner(developer_id: str, project_id: str | None) -> Document:
    kind = "developer" if project_id is None else "project"
    return {"developer_id": developer_id, "project_id": project_id, "kind": kind}
