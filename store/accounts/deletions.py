from collections.abc import Sequence
from datetime import datetime

from domain.webhooks.delivery import OwnerDeleted
from store.mongo.connection import Database, raises_unavailable

_DELETED = {"deleted_at": {"$exists": True}}


@raises_unavailable
class Deletions:
    """Find projects and users that are deleted; those that are not erased yet, oldest deletion first."""

    def __init__(self, database: Database) -> None:
        self._projects = database["projects"]
        self._users = database["users"]

    async def projects(
        self, deleted_before: datetime, *, without: Sequence[str] = (), limit: int = 20
    ) -> list[tuple[str, str]]:
        """List (developer, project) of projects that were deleted before a time."""
        query = {"deleted_at": {"$lt": deleted_before}, "erased_at": None, "_id": {"$nin": without}}
        found = self._projects.find(query, {"developer_id": 1}).sort("deleted_at", 1).limit(limit)
        return [(project["developer_id"], project["_id"]) for project in await found.to_list(limit)]

    async def users(self, *, without: Sequence[str] = (), limit: int = 100) -> list[tuple[str, str, str]]:
        """List (developer, project, user) of deleted users."""
        found = (
            await self._users.find({**_DELETED, "_id": {"$nin": without}})
            .sort("deleted_at", 1)
            .limit(limit)
            .to_list(limit)
        )
        return [(user["developer_id"], user["project_id"], user["_id"]) for user in found]

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
