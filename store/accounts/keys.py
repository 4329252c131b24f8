from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from pymongo import IndexModel

from store.accounts.key_use import KeyUse
from store.accounts.records import Count, KeyRecord, record_from
from store.mongo.connection import Database, Document, Indexes, raises_unavailable

LISTED = 500


@raises_unavailable
class AccountKeys:
    """Read the keys of developers and of projects; only keyed hashes are stored. `use` notes their use."""

    indexes: ClassVar[Indexes] = {
        "keys": [
            IndexModel("hash", unique=True),
            IndexModel([("developer_id", 1), ("project_id", 1), ("kind", 1), ("created_at", -1)]),
        ]
    }

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._keys = database["keys"]
        self.use = KeyUse(self._keys, clock)

    async def all_of(self, developer_id: str, project_id: str | None = None) -> list[KeyRecord]:
        """List the API keys of a project, or the developer keys, newest first, at most 500."""
        found = self._keys.find(_owner(developer_id, project_id)).sort([("created_at", -1), ("_id", 1)])
        return [record_from(KeyRecord, document) for document in await found.to_list(LISTED)]

    async def count(self, developer_id: str, project_ids: list[str]) -> Count:
        """Count the API keys of some projects of a developer."""
        query = {"developer_id": developer_id, "project_id": {"$in": project_ids}, "kind": "project"}
        total = await self._keys.count_documents(query)
        return Count(total, await self._keys.count_documents({**query, "active": True}))


def _owner(developer_id: str, project_id: str | None) -> Document:
    kind = "developer" if project_id is None else "project"
    return {"developer_id": developer_id, "project_id": project_id, "kind": kind}
