"""The streams of developers: each commit is stored in one transaction with the documents that it changes."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from pymongo.errors import DuplicateKeyError

from domain.accounts.developer import Decision, Developer, developer_of, fold, stream_of
from domain.errors import ErrorCode, ExemplarError
from events.commit import Commit
from events.envelope import Cause
from store.accounts.account_cache import AccountCache
from store.accounts.writes import in_order, insert
from store.commits.contract import EventStore, Write
from store.commits.repository import Repository
from store.errors import AlreadyExistsError
from store.mongo.connection import Database, Document, reachable
from store.mongo.transactions import Session


class DeveloperStreams(Repository[Developer]):
    """Load and append. The folded state is kept in the developer's document, as new as the log."""

    def __init__(
        self,
        database: Database,
        events: EventStore,
        *,
        clock: Callable[[], datetime],
        announce: Callable[[Commit], None],
        account_cache: AccountCache,
    ) -> None:
        super().__init__(events, fold=fold, announce=announce, clock=clock)
        self._developers = database["developers"]
        self._cache = account_cache
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def load(self, stream: str) -> Developer | None:
        """Fold what the log has behind the state in the document."""
        developer = await self._snapshot(developer_of(stream) or "")
        while commits := await self.events.following({stream: developer.version if developer else 0}):
            developer = fold(commits[0].events, developer)
        return developer

    async def change(
        self,
        developer_id: str,
        decision: Callable[[Developer], Decision],
        *,
        cause: Cause,
        write: Write | None = None,
    ) -> None:
        """Append what is decided for a developer, together with what `write` writes.

        Raises ExemplarError (`not_found` for an unknown developer, or what the decision raises), whatever
        `write` raises, and the store's errors.
        """
        await self._append(developer_id, existing(decision), cause, write)

    async def create(
        self,
        developer_id: str,
        collection: Any,
        document: Document,
        decision: Callable[[Developer | None], Decision],
        *,
        cause: Cause,
        require: Write | None = None,
    ) -> Document:
        """Insert a document with its event; AlreadyExistsError when its id or a unique field is taken.

        `require` raises what forbids it, in the same transaction.
        """
        document = {**document, "active": True}
        with reachable():
            exists = await collection.find_one({"_id": document["_id"]}, {"_id": 1})
        if exists:
            raise AlreadyExistsError(document["_id"])
        try:
            write = in_order(*([require] if require else []), insert(collection, document))
            commit = await self._append(developer_id, decision, cause, write)
        except DuplicateKeyError:
            commit = None
        if commit is None:
            raise AlreadyExistsError(document["_id"])
        return document

    async def _append(
        self,
        developer_id: str,
        decision: Callable[[Developer | None], Decision],
        cause: Cause,
        write: Write | None,
    ) -> Commit | None:
        async def write_all(developer: Developer | None, commit: Commit, session: Session) -> None:
            if write is not None:
                await write(commit, session)
            await self._keep(fold(commit.events, developer), session)

        # One change at a time in this process: waiting is cheaper than conflicts.
        async with self._locks.setdefault(developer_id, asyncio.Lock()):
            try:
                decided = await self.decide(stream_of(developer_id), decision, cause=cause, write=write_all)
            finally:  # also when the outcome is unknown
                self._cache.changed(developer_id)
        return decided.commit

    async def _snapshot(self, developer_id: str) -> Developer | None:
        with reachable():
            found = await self._developers.find_one({"_id": developer_id}, {"tier": 1, "folded": 1})
        if found is None or "folded" not in found:
            return None
        folded: Document = found["folded"]
        keys = {key["id"]: key["project"] for key in folded["keys"]}
        projects = frozenset(folded["projects"])
        return Developer(developer_id, folded["version"], found["tier"], projects, keys, folded["correction"])

    async def _keep(self, developer: Developer | None, session: Session) -> None:
        if developer is None:
            return
        folded = {
            "version": developer.version,
            "projects": sorted(developer.projects),
            "keys": [{"id": key, "project": project} for key, project in developer.keys.items()],
            "correction": developer.correction,
        }
        change = {"$set": {"tier": developer.tier, "folded": folded}}
        await self._developers.update_one({"_id": developer.id}, change, session=session)


def existing(decision: Callable[[Developer], Decision]) -> Callable[[Developer | None], Decision]:
    """Make a decision raise `not_found` for an unknown developer."""

    def decide(developer: Developer | None) -> Decision:
        if developer is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return decision(developer)

    return decide
