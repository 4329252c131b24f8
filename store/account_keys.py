"""Developer keys and project API keys. Only keyed hashes are kept; whoever minted a key shows it once."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from domain.access import KeyState
from store.account_records import Count, KeyRecord, key_from
from store.account_slots import insert_in_slot
from store.errors import StoreUnavailableError
from store.mongo.connection import Database, Document, reachable

DEVELOPER_KEYS = 10
API_KEYS = 50
USE_IS_NOTED_EVERY = timedelta(minutes=1)
LISTED = 500

_log = structlog.get_logger()


class AccountKeys:
    """Keep keys of developers (at most 10 active) and of projects (at most 50 active)."""

    def __init__(self, database: Database, clock: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._keys = database["keys"]
        self._clock = clock
        self._new_id = new_id
        self._noting: dict[str, asyncio.Task[None]] = {}

    async def ensure_indexes(self) -> None:
        owner = [("developer_id", 1), ("project_id", 1), ("kind", 1)]
        with reachable():
            await self._keys.create_index("hash", unique=True)
            await self._keys.create_index([*owner, ("created_at", -1)])
            await self._keys.create_index(
                [*owner, ("slot", 1)], unique=True, partialFilterExpression={"slot": {"$exists": True}}
            )

    async def create_developer_key(
        self,
        developer_id: str,
        *,
        key_hash: str,
        prefix: str,
        name: str | None = None,
        key_id: str | None = None,
    ) -> KeyRecord:
        """Keep a developer key; `LimitReachedError` at the 11th active one, `AlreadyExistsError` if kept."""
        return await self._create(
            _owner(developer_id, None),
            DEVELOPER_KEYS,
            key_hash=key_hash,
            prefix=prefix,
            name=name,
            key_id=key_id,
        )

    async def create_api_key(
        self,
        developer_id: str,
        project_id: str,
        *,
        key_hash: str,
        prefix: str,
        name: str | None = None,
        key_id: str | None = None,
    ) -> KeyRecord:
        """Keep an API key of a project; errors as for developer keys."""
        return await self._create(
            _owner(developer_id, project_id),
            API_KEYS,
            key_hash=key_hash,
            prefix=prefix,
            name=name,
            key_id=key_id,
        )

    async def all_of(self, developer_id: str, project_id: str | None = None) -> list[KeyRecord]:
        """List the keys of a project, or of the developer himself, newest first, at most 500."""
        with reachable():
            found = self._keys.find(_owner(developer_id, project_id)).sort([("created_at", -1), ("_id", 1)])
            return [key_from(document) for document in await found.to_list(LISTED)]

    async def revoke(self, developer_id: str, key_id: str, project_id: str | None = None) -> bool:
        """Revoke a key for the next request on; False when the owner has no such active key."""
        change = {"$set": {"active": False, "revoked_at": self._clock()}, "$unset": {"slot": ""}}
        query = {"_id": key_id, **_owner(developer_id, project_id), "active": True}
        with reachable():
            result = await self._keys.update_one(query, change)
        return bool(result.modified_count)

    async def count(self, developer_id: str, project_ids: list[str]) -> Count:
        """Count the API keys of some projects of a developer."""
        query = {"developer_id": developer_id, "project_id": {"$in": project_ids}, "kind": "project"}
        with reachable():
            total = await self._keys.count_documents(query)
            return Count(total, await self._keys.count_documents({**query, "active": True}))

    def note_use(self, *keys: KeyState | None) -> None:
        """Remember, beside the request, that keys were used; at most once a minute for each."""
        due = self._clock() - USE_IS_NOTED_EVERY
        for key in keys:
            if key is None or key.id in self._noting or (key.last_used_at and key.last_used_at > due):
                continue
            task = asyncio.create_task(self._note(key.id, key.developer_id))
            self._noting[key.id] = task

    async def settle(self) -> None:
        """Wait for the notes that are being written; call it before the database closes."""
        await asyncio.gather(*self._noting.values())

    async def _note(self, key_id: str, developer_id: str) -> None:
        now = self._clock()
        query = {"_id": key_id, "developer_id": developer_id}
        try:
            with reachable():
                await self._keys.update_one(query, {"$max": {"last_used_at": now}})
        except StoreUnavailableError:
            _log.warning("key_use_not_noted", key=key_id)
        finally:
            self._noting.pop(key_id, None)

    async def _create(
        self,
        owner: Document,
        limit: int,
        *,
        key_hash: str,
        prefix: str,
        name: str | None,
        key_id: str | None,
    ) -> KeyRecord:
        document = {
            "_id": key_id or self._new_id(),
            **owner,
            "hash": key_hash,
            "prefix": prefix,
            "name": name,
            "active": True,
            "created_at": self._clock(),
            "last_used_at": None,
        }
        await insert_in_slot(self._keys, document, owner=owner, limit=limit)
        return key_from(document)


def _owner(developer_id: str, project_id: str | None) -> Document:
    kind = "developer" if project_id is None else "project"
    return {"developer_id": developer_id, "project_id": project_id, "kind": kind}
