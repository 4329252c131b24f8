from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.webhooks.delivery import OwnerDeleted
from events.envelope import Cause
from events.erasure import CLOSED, Grounds
from store.mongo.connection import Database, Document, raises_unavailable

_DELETED = {"deleted_at": {"$exists": True}}
_OLDEST = [("deleted_at", 1)]


@dataclass(frozen=True, slots=True)
class Deletion:
    """What is to be erased: a project, or with `user` one of its users; and the event that asked for it, and why."""

    developer: str
    project: str
    user: str | None
    event: str | None
    grounds: Grounds

    @property
    def cause(self) -> Cause:
        """The cause of what erases it."""
        return Cause(actor="actor:accounts", causation_id=self.event)


@raises_unavailable
class Deletions:
    """Find projects and users that are deleted; those that are not erased yet, oldest deletion first."""

    def __init__(self, database: Database) -> None:
        self._projects = database["projects"]
        self._users = database["users"]

    async def projects(
        self, deleted_before: datetime, *, without: Sequence[str] = (), limit: int = 20
    ) -> list[Deletion]:
        """List projects that were deleted before a time, and those that are to be erased now."""
        due: list[Document] = [{"deleted_at": {"$lt": deleted_before}}, {"erase_now": True}]
        query = {**_DELETED, "erased_at": None, "$or": due, "_id": {"$nin": without}}
        found = await self._projects.find(query).sort(_OLDEST).limit(limit).to_list(limit)
        return [_deletion(document, document["_id"], None) for document in found]

    async def users(self, *, without: Sequence[str] = (), limit: int = 100) -> list[Deletion]:
        """List deleted users."""
        query = {**_DELETED, "_id": {"$nin": without}}
        found = await self._users.find(query).sort(_OLDEST).limit(limit).to_list(limit)
        return [_deletion(document, document["project_id"], document["_id"]) for document in found]

    async def remaining_users(self, developer_id: str, project_id: str, *, limit: int) -> list[str]:
        """List ids of users of a project, deleted or not, that are not deleted themselves."""
        query = {"developer_id": developer_id, "project_id": project_id, "deleted_at": None}
        found = await self._users.find(query, {"_id": 1}).limit(limit).to_list(limit)
        return [user["_id"] for user in found]

    async def is_empty(self, developer_id: str, project_id: str) -> bool:
        """Tell whether a project has no users, those that are being erased included."""
        query = {"developer_id": developer_id, "project_id": project_id}
        return not await self._users.count_documents(query, limit=1)

    async def of_owner(self, project: str, user: str | None) -> OwnerDeleted | None:
        """Tell whether the project, or this user of it, was deleted; None if neither was."""
        if await self._projects.find_one({"_id": project, **_DELETED}, {"_id": 1}):
            return "project_deleted"
        member = {"_id": user, "project_id": project}
        if user is not None and await self._users.find_one({**member, **_DELETED}, {"_id": 1}):
            return "user_deleted"
        return None


def _deletion(document: Document, project: str, user: str | None) -> Deletion:
    """Read a deleted document; older ones do not name the event."""
    deletion = document.get("deletion") or {}
    given = deletion.get("grounds")
    grounds = CLOSED if given is None else Grounds.model_validate(given)
    return Deletion(document["developer_id"], project, user, deletion.get("event"), grounds)
