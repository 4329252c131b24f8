"""Deleted users and projects whose data are not erased yet."""

from dataclasses import dataclass
from datetime import datetime

from store.mongo.connection import Database, reachable


@dataclass(frozen=True, slots=True)
class DeletedUser:
    """A deleted user whose data are being erased."""

    developer_id: str
    project_id: str
    user_id: str


class Deletions:
    """Find what is deleted and not erased yet, oldest deletion first."""

    def __init__(self, database: Database) -> None:
        self._projects = database["projects"]
        self._users = database["users"]

    async def projects(self, deleted_before: datetime, *, limit: int = 20) -> list[tuple[str, str]]:
        """List (developer, project) of projects that were deleted before a time."""
        query = {"deleted_at": {"$lt": deleted_before}, "erased_at": None}
        with reachable():
            found = self._projects.find(query, {"developer_id": 1}).sort("deleted_at", 1).limit(limit)
            return [(project["developer_id"], project["_id"]) for project in await found.to_list(limit)]

    async def users(self, *, limit: int = 100) -> list[DeletedUser]:
        """List deleted users."""
        with reachable():
            found = self._users.find({"deleted_at": {"$exists": True}}).sort("deleted_at", 1).limit(limit)
            return [
                DeletedUser(user["developer_id"], user["project_id"], user["_id"])
                for user in await found.to_list(limit)
            ]

    async def remaining_users(self, developer_id: str, project_id: str, *, limit: int) -> list[str]:
        """List ids of users of a project, deleted or not, that are not deleted themselves."""
        query = {"developer_id": developer_id, "project_id": project_id, "deleted_at": None}
        with reachable():
            found = await self._users.find(query, {"_id": 1}).limit(limit).to_list(limit)
        return [user["_id"] for user in found]

    async def is_empty(self, developer_id: str, project_id: str) -> bool:
        """Tell whether a project has no users, those that are being erased included."""
        query = {"developer_id": developer_id, "project_id": project_id}
        with reachable():
            return not await self._users.count_documents(query, limit=1)
