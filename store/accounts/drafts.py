"""What an account will be once the log says so.

A new account, project or key is a document that is not active yet and so claims its address or hash; a new
name or password waits in the document it belongs to. An event makes either valid (`AccountProjector`).

Whoever registers an address that a draft claims goes on with that draft under its id: its `draft` token is
his from then on. Whoever made a draft asks between reading the log and appending to it whether it still
stands; so of all who make the same account one succeeds, and his is the document. What nobody goes on with
is withdrawn: the draft is marked, an event moves the log on so that its maker must ask again, and only
then it goes.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from domain.errors import ErrorCode, ExemplarError
from store.accounts.slots import AlreadyExistsError
from store.accounts.stale_drafts import KINDS, Kind, StaleDrafts, developer_of
from store.errors import OutcomeUnknownError, StoreError, StoreUnavailableError
from store.mongo.connection import Database, Document, Indexes, reachable

# What nobody else may claim while a draft waits; ids, and hashes of random keys, collide with nobody's.
_CLAIMS: Mapping[Kind, tuple[str, ...]] = {
    "developers": ("email",),
    "users": ("project_id", "email"),
    "staff": ("email",),
}
_TRIES = 5

Stands = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft in its maker's hands: the document as it will be.

    `stands` is False when an event has made it valid already, and raises when it is his no more.
    """

    document: Document
    stands: Stands


class AccountDrafts:
    """Keep drafts, and take them back when what they were made for did not happen."""

    indexes: ClassVar[Indexes] = {
        kind: [
            IndexModel("pending_since", sparse=True),
            IndexModel("drafted_since", sparse=True),
            *([IndexModel("deleted_at", sparse=True)] if kind == "users" else []),
        ]
        for kind in KINDS
    }

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self.stale = StaleDrafts(database)

    @asynccontextmanager
    async def of_new(
        self, kind: Kind, document: Document, *, settle: Callable[[str], Awaitable[object]]
    ) -> AsyncIterator[Draft]:
        """Keep a document until the block records it; `AlreadyExistsError` when a unique field is taken.

        A draft that claims the same, by whomever, is gone on with, unless the log names it: `settle` writes
        what the log says of a developer.
        """
        now = self._clock()
        draft = {**document, "active": False, "created_at": now, "pending_since": now}
        made = await self._claim(kind, {**draft, "draft": secrets.token_hex(8)}, settle)
        mine = {"_id": made["_id"], "draft": made["draft"]}
        async with self._or_else(kind, mine):
            yield Draft({**made, "active": True}, lambda: self._stands(kind, mine))
            await self._stands(kind, mine)

    @asynccontextmanager
    async def of_change(
        self,
        kind: Kind,
        owner: Document,
        change: str,
        fields: Mapping[str, object],
        *,
        proved: Mapping[str, object] | None = None,
    ) -> AsyncIterator[Stands]:
        """Keep new values of some fields under the name `change` until the block records it.

        What it yields raises ExemplarError once that may not be: `not_found` when the document is gone,
        `invalid_credentials` when it is no more as it was `proved` to be.
        """
        now = self._clock()
        draft = {"fields": dict(fields), "since": now}
        kept = {"$set": {f"drafts.{change}": draft}, "$min": {"drafted_since": now}}
        with reachable():
            await self._database[kind].update_one(owner, kept)

        async def stands() -> bool:
            return await self._change_stands(kind, owner, change, proved or {})

        async with self._or_else(kind, owner, change):
            yield stands

    async def _claim(
        self, kind: Kind, draft: Document, settle: Callable[[str], Awaitable[object]]
    ) -> Document:
        for _ in range(_TRIES):
            with suppress(DuplicateKeyError), reachable():
                await self._database[kind].insert_one(draft)
                return draft
            other = await self._other(kind, draft)
            if other is None:
                continue
            await settle(developer_of(kind, other))
            taken = {**draft, "_id": other["_id"]}
            same = {"_id": other["_id"], "pending_since": {"$exists": True}, "draft": other.get("draft")}
            with suppress(DuplicateKeyError), reachable():
                if (await self._database[kind].replace_one(same, taken)).matched_count:
                    return taken
            if not await self._is_waiting(kind, other["_id"]):
                break
        raise AlreadyExistsError(draft["_id"])

    async def _other(self, kind: Kind, draft: Document) -> Document | None:
        """Find the draft that is in the way; None when it has just gone."""
        ways: list[Document] = [{"_id": draft["_id"]}]
        if kind in _CLAIMS:
            ways.append({name: draft[name] for name in _CLAIMS[kind]})
        with reachable():
            found: Document | None = await self._database[kind].find_one({"$or": ways})
        if found is not None and "pending_since" not in found:
            raise AlreadyExistsError(draft["_id"])
        return found

    async def _is_waiting(self, kind: Kind, draft_id: str) -> bool:
        with reachable():
            found = await self._database[kind].find_one({"_id": draft_id}, {"pending_since": 1})
        return found is None or "pending_since" in found

    async def _stands(self, kind: Kind, mine: Document) -> bool:
        """Tell whether a draft waits for its event; AlreadyExistsError when somebody else goes on with it."""
        with reachable():
            found = await self._database[kind].find_one(
                {"_id": mine["_id"]}, {"draft": 1, "pending_since": 1, "withdrawn": 1}
            )
        if found is None or found.get("withdrawn"):
            raise StoreUnavailableError("this took too long and was withdrawn")
        if found.get("draft") != mine["draft"]:
            raise AlreadyExistsError(mine["_id"])
        return "pending_since" in found

    async def _change_stands(
        self, kind: Kind, owner: Document, change: str, proved: Mapping[str, object]
    ) -> bool:
        with reachable():
            found = await self._database[kind].find_one(owner, {"drafts": 1, **dict.fromkeys(proved, 1)})
        if found is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        if any(found.get(name) != value for name, value in proved.items()):
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
        waiting = found.get("drafts", {}).get(change)
        if waiting is None or waiting.get("withdrawn"):
            raise StoreUnavailableError("this took too long and was withdrawn")
        return True

    async def _withdraw_change(self, kind: Kind, owner: Document, change: str) -> None:
        await self._database[kind].update_one(owner, {"$unset": {f"drafts.{change}": ""}})

    @asynccontextmanager
    async def _or_else(self, kind: Kind, mine: Document, change: str | None = None) -> AsyncIterator[None]:
        """Take back what the block refuses to record."""
        try:
            yield
        except OutcomeUnknownError:
            raise  # it may stand in the log: the sweep finds out
        except (ExemplarError, StoreError):
            with suppress(StoreError), reachable():
                if change is None:
                    await self._database[kind].delete_one({**mine, "pending_since": {"$exists": True}})
                else:
                    await self._withdraw_change(kind, mine, change)
            raise
