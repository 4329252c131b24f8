"""Developers, their projects and the end users in them. Every query names its project or its developer."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pymongo import IndexModel

from domain.accounts.access import AccountState, Role, Tenancy
from store.accounts.account_states import AccountStateReader
from store.accounts.keys import AccountKeys
from store.accounts.queries import (
    KEPT,
    STATE,
    UserQuery,
    living,
    login,
    login_pipeline,
    matching_users,
    session_ended,
)
from store.accounts.records import (
    Count,
    DeveloperRecord,
    Leaving,
    Login,
    ProjectRecord,
    UserRecord,
    account_state,
    developer_from,
    project_from,
    user_from,
)
from store.accounts.sessions import AccountSessions
from store.accounts.staff import Staff
from store.accounts.tenancies import Tenancies, TenancyQuery
from store.mongo.connection import Database, Document, Indexes, reachable


class Accounts:
    """Read accounts; `keys`, `sessions`, `staff` are the parts about keys, logins, the platform's people.

    What a developer has is changed by `AccountChanges`; here only what a person does with his own login.
    """

    indexes: ClassVar[Indexes] = {
        "developers": [IndexModel("email", unique=True), IndexModel([("created_at", -1), ("_id", 1)])],
        "projects": [
            IndexModel([("developer_id", 1), ("created_at", -1)]),
            IndexModel("deleted_at", sparse=True),
        ],
        "users": [
            IndexModel([("project_id", 1), ("email", 1)], unique=True),
            IndexModel([("developer_id", 1), ("created_at", -1)]),
        ],
        **AccountKeys.indexes,
        **AccountSessions.indexes,
        **Staff.indexes,
    }

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.database = database
        self._developers = database["developers"]
        self._projects = database["projects"]
        self._users = database["users"]
        self._clock = clock
        self._tenancies = Tenancies(database)
        self.keys = AccountKeys(database, clock)
        self.sessions = AccountSessions(database)
        self.staff = Staff(database)
        self.states = AccountStateReader(database)

    async def developer(self, developer_id: str) -> DeveloperRecord | None:
        with reachable():
            found = await self._developers.find_one({"_id": developer_id, **KEPT})
        return None if found is None else developer_from(found)

    async def developers(self) -> list[DeveloperRecord]:
        """List all developers, newest first."""
        with reachable():
            found = self._developers.find(KEPT).sort([("created_at", -1), ("_id", 1)])
            return [developer_from(document) async for document in found]

    async def developers_of_page(self, page: int, page_size: int) -> tuple[list[DeveloperRecord], int]:
        """List a page of developers, newest first, and count them all."""
        with reachable():
            total = await self._developers.count_documents(KEPT)
            found = self._developers.find(KEPT).sort([("created_at", -1), ("_id", 1)])
            shown = found.skip((page - 1) * page_size).limit(page_size)
            return [developer_from(document) async for document in shown], total

    async def find_developer(self, name: str) -> DeveloperRecord | None:
        """Find a developer by id or by e-mail address in its normal form."""
        with reachable():
            found = await self._developers.find_one({"$or": [{"_id": name}, {"email": name}], **KEPT})
        return None if found is None else developer_from(found)

    async def user(self, project_id: str, user_id: str) -> UserRecord | None:
        with reachable():
            found = await self._users.find_one({"_id": user_id, "project_id": project_id, **KEPT})
        return None if found is None else user_from(found)

    async def project(self, developer_id: str, project_id: str) -> ProjectRecord | None:
        """Read a living project of a developer."""
        with reachable():
            found = await self._projects.find_one(living(developer_id, project_id))
        return None if found is None else project_from(found)

    async def projects(self, developer_id: str, *, deleted: bool = False) -> list[ProjectRecord]:
        """List the living projects of a developer, newest first; on request the `deleted` ones too."""
        query = {"developer_id": developer_id, "pending_since": None} if deleted else living(developer_id)
        with reachable():
            found = self._projects.find(query).sort([("created_at", -1), ("_id", 1)])
            return [project_from(document) async for document in found]

    async def count_projects(self, developer_id: str) -> Count:
        """Count a developer's projects; deleted ones are in the total alone."""
        with reachable():
            every = {"developer_id": developer_id, "pending_since": None}
            total = await self._projects.count_documents(every)
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
        """Find what a login is checked against: an end user of the project, else a developer or staff."""
        if project_id is None:
            return await self._find_login_of_no_project(email)
        with reachable():
            users = await self._users.aggregate(login_pipeline(email, project_id)).to_list(1)
        if not users:
            return None
        project_lives = any(project["active"] for project in users[0]["project"])
        return login(users[0], Role.END_USER, active=users[0]["active"] and project_lives)

    async def _find_login_of_no_project(self, email: str) -> Login | None:
        with reachable():
            staff, found = await asyncio.gather(
                self.staff.find_login(email), self._developers.find_one({"email": email})
            )
        return staff if found is None else login(found, Role.DEVELOPER, active=found["active"])

    async def credentials(
        self,
        project_id: str,
        *,
        user_id: str | None = None,
        developer_key_hashes: Sequence[str] = (),
        api_key_hashes: Sequence[str] = (),
    ) -> Tenancy | None:
        """Read all that an access decision needs; None when there is no such project.

        Keys are found whoever owns them: the decision compares.
        """
        return await self._tenancies.read(
            TenancyQuery(project_id, user_id, tuple(developer_key_hashes), tuple(api_key_hashes))
        )

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
            await self._of(role).update_one(_owned(account_id, project_id), change)

    async def password_hash(self, role: Role, account_id: str, project_id: str | None) -> str | None:
        """Read the hash that one's own password is checked against."""
        with reachable():
            found = await self._of(role).find_one(_owned(account_id, project_id), {"password_hash": 1})
        return found["password_hash"] if found else None

    async def rehash(self, found: Login, password_hash: str) -> None:
        """Keep the same password under today's parameters, unless it was changed meanwhile."""
        same = {**_owned(found.id, found.project_id), "password_hash": found.password_hash}
        with reachable():
            await self._of(found.role).update_one(same, {"$set": {"password_hash": password_hash}})

    async def left_behind(self, deleted_before: datetime, *, limit: int = 20) -> list[tuple[str, str]]:
        """List (developer, project) of projects that were deleted long ago and are not erased yet."""
        query = {"deleted_at": {"$lt": deleted_before}, "erased_at": None}
        with reachable():
            found = self._projects.find(query, {"developer_id": 1}).sort("deleted_at", 1).limit(limit)
            return [(project["developer_id"], project["_id"]) for project in await found.to_list(limit)]

    async def users_left(self, developer_id: str, project_id: str, *, limit: int) -> list[UserRecord]:
        """List users of a project, whatever became of it, but for deleted ones."""
        place = {"developer_id": developer_id, "project_id": project_id, **KEPT}
        with reachable():
            found = await self._users.find(place).limit(limit).to_list(limit)
        return [user_from(document) for document in found]

    async def is_empty(self, developer_id: str, project_id: str) -> bool:
        """Tell whether nobody is or was in a project: drafts and those who are being erased count too."""
        place = {"developer_id": developer_id, "project_id": project_id}
        with reachable():
            return not await self._users.count_documents(place, limit=1)

    async def leaving(self, *, limit: int = 100) -> list[Leaving]:
        """List deleted users whose things may not all be erased yet."""
        with reachable():
            found = self._users.find({"deleted_at": {"$exists": True}}).sort("deleted_at", 1).limit(limit)
            return [
                Leaving(user["developer_id"], user["project_id"], user["_id"], user["deleted_at"])
                for user in await found.to_list(limit)
            ]

    def _of(self, role: Role) -> Any:
        match role:
            case Role.END_USER:
                return self._users
            case Role.DEVELOPER:
                return self._developers
            case _:
                return self.staff.collection


def _owned(account_id: str, project_id: str | None) -> Document:
    """Name an account; that of an end user with its project."""
    return {"_id": account_id} if project_id is None else {"_id": account_id, "project_id": project_id}
