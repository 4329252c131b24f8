from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from pymongo import ReturnDocument

from store.consumers.consumers import NO_LEASE, Consumer, Consumers, consumer_of, owned_by
from store.mongo.connection import Database, Document, raises_unavailable


@raises_unavailable
class ProjectConsumers(Consumers):
    """Consumers of feeds in collection `project_consumers`; an owner is a developer and a project, with a slash.

    A lease is exclusive and ends by itself, by the clock of the server; so events are handed out in order.
    """

    most: ClassVar[int] = 100

    def __init__(self, database: Database) -> None:
        self._consumers = database.get_collection("project_consumers")

    async def lease(self, owner: str, name: str, token: str, *, seconds: int) -> Consumer | None:
        """Take a lease; None for an unknown consumer, and for one that another lease holds."""
        free = {"$lte": ["$leased_until", "$$NOW"]}  # a missing time is before any other
        taken: list[Document] = [
            {"$set": {"lease": {"$literal": token}, "leased_until": _later(seconds)}},
            {"$unset": "leased_to"},
        ]
        return await self._changed({"_id": f"{owner}/{name}", "$expr": free}, taken)

    async def end_at(self, owner: str, name: str, token: str, to: tuple[int, int]) -> Consumer | None:
        """Note up to which position and version events are leased; None for a lease that is lost."""
        return await self._changed(_held(owner, name, token), {"$set": {"leased_to": to}})

    async def extend(self, owner: str, name: str, token: str, *, seconds: int) -> Consumer | None:
        """Let a lease end so many seconds from now; None for one that is lost."""
        return await self._changed(_held(owner, name, token), [{"$set": {"leased_until": _later(seconds)}}])

    async def advance(
        self, owner: str, name: str, token: str, position: int, now: datetime, *, version: int
    ) -> Consumer | None:
        """Move forward to a position under a lease, never back; None for a lease that is lost."""
        held = _held(owner, name, token)
        behind = [{"position": {"$lt": position}}, {"position": position, "version": {"$lt": version}}]
        moved = {"$set": {"position": position, "version": version, "updated_at": now}}
        changed = await self._changed({**held, "$or": behind}, moved)
        if changed is not None:
            return changed
        document = await self._consumers.find_one(held)
        return None if document is None else consumer_of(document)

    async def release(self, owner: str, name: str, token: str) -> Consumer | None:
        """End a lease; None for one that is lost."""
        return await self._changed(_held(owner, name, token), {"$unset": NO_LEASE})

    async def erase(self, developer: str, project: str) -> None:
        """Delete the consumers of a project."""
        await self._consumers.delete_many(owned_by(owner_of(developer, project)))

    async def _changed(self, query: Document, change: Mapping[str, Any] | list[Document]) -> Consumer | None:
        document = await self._consumers.find_one_and_update(query, change, return_document=ReturnDocument.AFTER)
        return None if document is None else consumer_of(document)


def owner_of(developer: str, project: str) -> str:
    """Name the owner of a project's consumers."""
    return f"{developer}/{project}"


def _held(owner: str, name: str, token: str) -> Document:
    return {"_id": f"{owner}/{name}", "lease": token}


def _later(seconds: int) -> Document:
    return {"$add": ["$$NOW", seconds * 1000]}
