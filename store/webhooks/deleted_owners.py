from domain.webhooks.delivery import OwnerDeleted
from store.mongo.connection import Database, reachable

_DELETED = {"deleted_at": {"$exists": True}}


class DeletedOwners:
    """Which projects and users were deleted, read from the account documents."""

    def __init__(self, database: Database) -> None:
        self._projects = database.get_collection("projects")
        self._users = database.get_collection("users")

    async def find(self, project: str, user: str | None) -> OwnerDeleted | None:
        """Tell whether the project, or this user of it, was deleted; None if neither was."""
        with reachable():
            if await self._projects.find_one({"_id": project, **_DELETED}, {"_id": 1}):
                return "project_deleted"
            member = {"_id": user, "project_id": project}
            if user is not None and await self._users.find_one({**member, **_DELETED}, {"_id": 1}):
                return "user_deleted"
        return None
