"""Developers, their projects and the end users in them. Every query names its project or its developer."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from domain.access import AccountState, Role, Tenancy
from store.account_keys import AccountKeys
from store.account_queries import (
    STATE,
    UserQuery,
    credentials_pipeline,
    living,
    login,
    login_pipeline,
    matching_users,
    session_ended,
)
from store.account_records import (
    Count,
    DeveloperRecord,
    Login,
    ProjectRecord,
    UserRecord,
    account_state,
    developer_from,
    project_from,
    tenancy_from,
    user_from,
)
from store.account_sessions import AccountSessions
from store.account_slots import insert, insert_in_slot
from store.mongo.connection import Database, Document, reachable


def random_id() -> str:
    return str(uuid.uuid4())


class Accounts:
    """Keep accounts in MongoDB; `keys` and `sessions` are the parts about keys and logins.

    Ids may be given, so that a restart finds what it made: creating it again raises `AlreadyExistsError`.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime], new_id: Callable[[], str] = random_id
    ) -> None:
        self._developers = database["developers"]
        self._projects = database["projects"]
        self._users = database["users"]
        self._clock = clock
        self._new_id = new_id
        self.keys = AccountKeys(database, clock, new_id)
        self.sessions = AccountSessions(database)

    async def ensure_indexes(self) -> None:
        """Make the indexes that uniqueness and every query rest on; repeatable."""
        await self.keys.ensure_indexes()
        await self.sessions.ensure_indexes()
        with reachable():
            await self._developers.create_index("email", unique=True)
            await self._projects.create_index([("developer_id", 1), ("created_at", -1)])
            await self._projects.create_index(
                [("developer_id", 1), ("slot", 1)],
                unique=True,
                partialFilterExpression={"slot": {"$exists": True}},
            )
            await self._users.create_index([("project_id", 1), ("email", 1)], unique=True)
            await self._users.create_index([("developer_id", 1), ("created_at", -1)])

    async def create_developer(
        self,
        *,
        email: str,
        password_hash: str,
        tier: str,
        full_name: str | None = None,
        developer_id: str | None = None,
    ) -> DeveloperRecord:
        """Keep a developer; `email` in its normal form."""
        document = {**self._person(email, password_hash, full_name, developer_id), "tier": tier}
        await insert(self._developers, document)
        return developer_from(document)

    async def create_project(
        self,
        developer_id: str,
        *,
        name: str,
        limit: int | None,
        description: str | None = None,
        project_id: str | None = None,
    ) -> ProjectRecord:
        """Keep a project; `LimitReachedError` when the developer has `limit` (None: any number) already."""
        document = {
            "_id": project_id or self._new_id(),
            "developer_id": developer_id,
            "name": name,
            "description": description,
            "active": True,
            "created_at": self._clock(),
            "updated_at": None,
        }
        await insert_in_slot(self._projects, document, owner={"developer_id": developer_id}, limit=limit)
        return project_from(document)

    async def create_user(
        self,
        developer_id: str,
        project_id: str,
        *,
        email: str,
        password_hash: str,
        full_name: str | None = None,
        user_id: str | None = None,
    ) -> UserRecord:
        """Keep an end user of a project; `email` in its normal form, unique in the project."""
        owner = {"project_id": project_id, "developer_id": developer_id}
        document = {**self._person(email, password_hash, full_name, user_id), **owner}
        await insert(self._users, document)
        return user_from(document)

    async def developer(self, developer_id: str) -> DeveloperRecord | None:
        with reachable():
            found = await self._developers.find_one({"_id": developer_id})
        return None if found is None else developer_from(found)

    async def user(self, project_id: str, user_id: str) -> UserRecord | None:
        with reachable():
            found = await self._users.find_one({"_id": user_id, "project_id": project_id})
        return None if found is None else user_from(found)

    async def project(self, developer_id: str, project_id: str) -> ProjectRecord | None:
        """Read a living project of a developer."""
        with reachable():
            found = await self._projects.find_one(living(developer_id, project_id))
        return None if found is None else project_from(found)

    async def projects(self, developer_id: str) -> list[ProjectRecord]:
        """List the living projects of a developer, newest first."""
        with reachable():
            found = self._projects.find(living(developer_id)).sort([("created_at", -1), ("_id", 1)])
            return [project_from(document) async for document in found]

    async def update_project(
        self, developer_id: str, project_id: str, changes: Mapping[str, str | None]
    ) -> ProjectRecord | None:
        """Change `name` or `description` of a living project; None when there is none."""
        change = {"$set": {**changes, "updated_at": self._clock()}}
        with reachable():
            found = await self._projects.find_one_and_update(
                living(developer_id, project_id), change, return_document=True
            )
        return None if found is None else project_from(found)

    async def delete_project(self, developer_id: str, project_id: str) -> bool:
        """Make a project unreachable, with its users and keys; False when there is no living one."""
        now = self._clock()
        change = {"$set": {"active": False, "updated_at": now, "deleted_at": now}, "$unset": {"slot": ""}}
        with reachable():
            result = await self._projects.update_one(living(developer_id, project_id), change)
        return bool(result.modified_count)

    async def count_projects(self, developer_id: str) -> Count:
        """Count a developer's projects; deleted ones are in the total alone."""
        with reachable():
            total = await self._projects.count_documents({"developer_id": developer_id})
            return Count(total, await self._projects.count_documents(living(developer_id)))

    async def users(
        self, developer_id: str, project_ids: Sequence[str], query: UserQuery
    ) -> tuple[list[UserRecord], int]:
        """List a page of users of some projects of a developer, newest first, and count all that match."""
        match = matching_users(developer_id, project_ids, query)
        with reachable():
            total = await self._users.count_documents(match)
            found = self._users.find(match).sort([("created_at", -1), ("_id", 1)])
            page = found.skip((query.page - 1) * query.page_size).limit(query.page_size)
            return [user_from(document) async for document in page], total

    async def count_users(self, developer_id: str, project_ids: Sequence[str], query: UserQuery) -> Count:
        match = matching_users(developer_id, project_ids, query)
        with reachable():
            total = await self._users.count_documents(match)
            return Count(total, await self._users.count_documents({"$and": [match, {"active": True}]}))

    async def find_login(self, email: str, project_id: str | None) -> Login | None:
        """Find what a login is checked against: an end user of the project, else a developer."""
        with reachable():
            if project_id is None:
                found = await self._developers.find_one({"email": email})
                return None if found is None else login(found, Role.DEVELOPER, active=found["active"])
            users = await self._users.aggregate(login_pipeline(email, project_id)).to_list(1)
        if not users:
            return None
        project_lives = any(project["active"] for project in users[0]["project"])
        return login(users[0], Role.END_USER, active=users[0]["active"] and project_lives)

    async def credentials(
        self,
        project_id: str,
        *,
        user_id: str | None = None,
        developer_key_hashes: Sequence[str] = (),
        api_key_hashes: Sequence[str] = (),
    ) -> Tenancy | None:
        """Read all that an access decision needs in one round trip, never from a cache.

        None when there is no such project. Keys are found whoever owns them: the decision compares.
        """
        pipeline = credentials_pipeline(project_id, user_id, developer_key_hashes, api_key_hashes)
        with reachable():
            found = await self._projects.aggregate(pipeline).to_list(1)
        return tenancy_from(found[0]) if found and found[0]["developer"] else None

    async def developer_state(self, developer_id: str) -> tuple[AccountState, str] | None:
        """Read what access of a developer needs: his state and his tier's name."""
        with reachable():
            found = await self._developers.find_one({"_id": developer_id}, STATE)
        return None if found is None else (account_state(found), found["tier"])

    async def end_session(
        self, role: Role, account_id: str, project_id: str | None, session: str, until: datetime
    ) -> None:
        """Void every token of a session at once; the mark is kept until the last of them would expire."""
        change = session_ended(session, until, self._clock())
        with reachable():
            if role is Role.DEVELOPER:
                await self._developers.update_one({"_id": account_id}, change)
            else:
                owned = {"_id": account_id, "project_id": project_id}
                await self._users.update_one(owned, change)

    def _person(
        self, email: str, password_hash: str, full_name: str | None, given_id: str | None
    ) -> Document:
        return {
            "_id": given_id or self._new_id(),
            "email": email,
            "password_hash": password_hash,
            "full_name": full_name,
            "active": True,
            "created_at": self._clock(),
        }
