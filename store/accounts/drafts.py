"""What an account will be once the log says so.

A new account, project or key is a document that is not active yet and so claims its address or hash; a new
name or password waits in the document it belongs to. An event makes either valid (`AccountProjector`). What
no event names is swept away.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Literal

import structlog
from pymongo.errors import DuplicateKeyError

from domain.errors import ExemplarError
from store.accounts.slots import AlreadyExistsError
from store.errors import OutcomeUnknownError, StoreError
from store.mongo.connection import Database, Document, reachable

Kind = Literal["developers", "projects", "users", "keys"]
KINDS: tuple[Kind, ...] = ("developers", "projects", "users", "keys")

log = structlog.get_logger()


class AccountDrafts:
    """Keep drafts, and take them back when what they were made for did not happen."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def ensure_indexes(self) -> None:
        """Create what the sweep needs; repeatable."""
        with reachable():
            for kind in KINDS:
                await self._database[kind].create_index("pending_since", sparse=True)
            await self._database["users"].create_index("deleted_at", sparse=True)

    @asynccontextmanager
    async def of_new(self, kind: Kind, document: Document) -> AsyncIterator[Document]:
        """Keep a document until the block records it; `AlreadyExistsError` when a unique field is taken.

        An earlier attempt under the same id that came to nothing is gone on with.
        """
        now = self._clock()
        draft = {**document, "active": False, "created_at": now, "pending_since": now}
        if not await self._insert(kind, draft):
            raise AlreadyExistsError(document["_id"])
        async with self._or_else(kind, document["_id"]):
            yield {**draft, "active": True}

    @asynccontextmanager
    async def of_change(
        self, kind: Kind, owner: Document, change: str, fields: Mapping[str, object]
    ) -> AsyncIterator[None]:
        """Keep new values of some fields under the name `change` until the block records it."""
        with reachable():
            await self._database[kind].update_one(owner, {"$set": {f"drafts.{change}": dict(fields)}})
        async with self._or_else(kind, owner["_id"], change):
            yield

    async def _insert(self, kind: Kind, draft: Document) -> bool:
        waiting = {"_id": draft["_id"], "pending_since": {"$exists": True}}
        with reachable():
            with suppress(DuplicateKeyError):
                await self._database[kind].insert_one(draft)
                return True
            with suppress(DuplicateKeyError):
                replaced = await self._database[kind].replace_one(waiting, draft)
                return bool(replaced.matched_count)
        return False

    async def stale(self, kind: Kind, before: datetime, *, limit: int = 100) -> list[tuple[str, str]]:
        """List (developer, id) of what has been waiting to exist since before a moment."""
        owner = "_id" if kind == "developers" else "developer_id"
        with reachable():
            found = self._database[kind].find({"pending_since": {"$lt": before}}, {owner: 1}).limit(limit)
            return [(document[owner], document["_id"]) for document in await found.to_list(limit)]

    async def withdraw(self, kind: Kind, draft_id: str, change: str | None = None) -> None:
        """Take back a draft that no event has made valid; repeatable."""
        with reachable():
            if change is None:
                waiting = {"_id": draft_id, "pending_since": {"$exists": True}}
                await self._database[kind].delete_one(waiting)
            else:
                taken = {"$unset": {f"drafts.{change}": ""}}
                await self._database[kind].update_one({"_id": draft_id}, taken)

    @asynccontextmanager
    async def _or_else(self, kind: Kind, draft_id: str, change: str | None = None) -> AsyncIterator[None]:
        try:
            yield
        except OutcomeUnknownError:
            raise  # it may stand in the log: the sweep finds out
        except (ExemplarError, StoreError):
            with suppress(StoreError):
                await self.withdraw(kind, draft_id, change)
            raise
