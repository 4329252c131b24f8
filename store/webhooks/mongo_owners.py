from domain.webhooks.delivery import Left
from store.mongo.connection import Database, reachable

_DELETED = {"deleted_at": {"$exists": True}}


class MongoOwners:
    """Who has left, read from the documents of accounts."""

    def __init__(self, database: Database) -> None:
        self._projects = database.get_collection("projects")
        self._users = database.get_collection("users")

    async def left(self, project: str, user: str | None) -> Left | None:
        with reachable():
            if await self._projects.find_one({"_id": project, **_DELETED}, {"_id": 1}):
                return "project_deleted"
            mine = {"_id": user, "project_id": project}
            if user is not None and await self._users.find_one({**mine, **_DELETED}, {"_id": 1}):
                return "user_deleted"
        return None
