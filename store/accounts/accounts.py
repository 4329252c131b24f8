import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pymongo import IndexModel

from domain.accounts.access import AccountState, Role, Tenancy
from store.accounts.access_keys import AccessKeys
from store.accounts.account_cache import AccountCache
from store.accounts.account_states import AccountStateReader
from store.accounts.keys import AccountKeys
from store.accounts.platform import StaffAccounts
from store.accounts.queries import (
    STATE,
    Credentials,
    UserQuery,
    active_projects,
    credentials_pipelines,
    login,
    matching_users,
    session_ended,
    tenancy_from,
)
from store.accounts.records import (
    Count,
    DeveloperRecord,
    Login,
    ProjectRecord,
    UserRecord,
    account_state,
    record_from,
)
from store.accounts.sessions import AccountSessions
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, aggregate, raises_unavailable

_NEWEST_FIRST = [("created_at", -1), ("_id", 1)]
_TOGETHER = 16  # access decisions that are read for by one query


@raises_unavailable
class Accounts:
    """Read accounts; `keys`, `access_keys`, `sessions`, `staff` and `states` read what their names say.

    `AccountChanges` and `PlatformChanges` change accounts; here only sessions and hashes are written.
    """

    indexes: ClassVar[Indexes] = {
        "developers": [IndexModel("email", unique=True), IndexModel(_NEWEST_FIRST)],
        "projects": [
            IndexModel([("developer_id", 1), ("created_at", -1)]),
            IndexModel("deleted_at", sparse=True),
        ],
        "users": [
            IndexModel([("project_id", 1), ("email", 1)], unique=True),
            IndexModel([("developer_id", 1), ("created_at", -1)]),
            IndexModel("deleted_at", sparse=True),
        ],
        **AccountKeys.indexes,
        **AccessKeys.indexes,
        **AccountSessions.indexes,
        **StaffAccounts.indexes,
    }

    def __init__(self, database: Database, clock: Callable[[], datetime], account_cache: AccountCache) -> None:
        self._developers = database["developers"]
        self._projects = database["projects"]
        self._users = database["users"]
        self._by_role = {Role.END_USER: self._users, Role.DEVELOPER: self._developers}
        self._staff = database["staff"]
        self._clock = clock
        self._cache = account_cache
        self._tenancies: Batcher[Credentials, Tenancy | None] = Batcher(self._find_tenancies, largest=_TOGETHER)
        self.keys = AccountKeys(database, clock)
        self.access_keys = AccessKeys(database, clock)
        self.sessions = AccountSessions(database)
        self.staff = StaffAccounts(database)
        self.states = AccountStateReader(database)

    async def settle(self) -> None:
        """Wait until the use of keys is stored; call it before the database closes."""
        await asyncio.gather(self.keys.use.settle(), self.access_keys.use.settle())

    async def developer(self, developer_id: str) -> DeveloperRecord | None:
        found = await self._developers.find_one({"_id": developer_id})
        return None if found is None else record_from(DeveloperRecord, found)

    async def developers(self, *, page: int = 1, page_size: int = 0) -> tuple[list[DeveloperRecord], int]:
        """List a page of developers, newest first, and count them all; a `page_size` of 0 lists all."""
        total = await self._developers.count_documents({})
        found = self._developers.find({}).sort(_NEWEST_FIRST)
        shown = found.skip((page - 1) * page_size).limit(page_size)
        return [record_from(DeveloperRecord, document) async for document in shown], total

    async def find_developer(self, name: str) -> DeveloperRecord | None:
        """Find a developer by id or by e-mail address in its normal form."""
        found = await self._developers.find_one({"$or": [{"_id": name}, {"email": name}]})
        return None if found is None else record_from(DeveloperRecord, found)

    async def user(self, project_id: str, user_id: str) -> UserRecord | None:
        """Read a user who is not deleted, of a deleted project too."""
        query = {"_id": user_id, "project_id": project_id, "deleted_at": None}
        found = await self._users.find_one(query)
        return None if found is None else record_from(UserRecord, found)

    async def project(self, developer_id: str, project_id: str) -> ProjectRecord | None:
        """Read an active project of a developer."""
        found = await self._projects.find_one(active_projects(developer_id, project_id))
        return None if found is None else record_from(ProjectRecord, found)

    async def project_owner(self, project_id: str) -> str | None:
        """Return the developer of an active project; None for any other id."""
        found = await self._projects.find_one({"_id": project_id, "active": True}, {"developer_id": 1})
        return None if found is None else str(found["developer_id"])

    async def projects(self, developer_id: str, *, deleted: bool = False) -> list[ProjectRecord]:
        """List the active projects of a developer, newest first; on request the `deleted` ones too."""
        query = {"developer_id": developer_id} if deleted else active_projects(developer_id)
        found = self._projects.find(query).sort(_NEWEST_FIRST)
        return [record_from(ProjectRecord, document) async for document in found]

    async def count_projects(self, developer_id: str) -> Count:
        """Count a developer's projects; the total includes deleted ones."""
        total = await self._projects.count_documents({"developer_id": developer_id})
        return Count(total, await self._projects.count_documents(active_projects(developer_id)))

    async def users(
        self, developer_id: str, project_ids: Sequence[str], query: UserQuery
    ) -> tuple[list[UserRecord], int]:
        """List a page of users of some projects of a developer, newest first, and count all that match."""
        match = matching_users(developer_id, project_ids, query)
        total = await self._users.count_documents(match)
        found = self._users.find(match).sort(_NEWEST_FIRST)
        page = found.skip((query.page - 1) * query.page_size).limit(query.page_size)
        return [record_from(UserRecord, document) async for document in page], total

    async def count_users(self, developer_id: str, project_ids: Sequence[str], query: UserQuery) -> Count:
        match = matching_users(developer_id, project_ids, query)
        total = await self._users.count_documents(match)
        return Count(total, await self._users.count_documents({"$and": [match, {"active": True}]}))

    async def find_login(self, email: str, project_id: str | None) -> Login | None:
        """Find what a login is checked against: an end user of the project, else a developer or staff."""
        if project_id is None:
            staff, found = await asyncio.gather(
                self.staff.find_login(email), self._developers.find_one({"email": email})
            )
            return staff if found is None else login(found, Role.DEVELOPER, active=found["active"])
        project = {"localField": "project_id", "foreignField": "_id", "as": "project"}
        stages = [
            {"$match": {"project_id": project_id, "email": email}},
            {"$lookup": {"from": "projects", **project}},
        ]
        users = await aggregate(self._users, stages, most=1)
        if not users:
            return None
        project_active = any(project["active"] for project in users[0]["project"])
        return login(users[0], Role.END_USER, active=users[0]["active"] and project_active)

    def known_credentials(self, named: Credentials) -> Tenancy | None:
        """Return what `credentials` has read, if it may be used still (`AccountCache`)."""
        known: Tenancy | None = self._cache.find(named)
        return known

    async def credentials(self, named: Credentials) -> Tenancy | None:
        """Read all that an access decision needs; None when there is no such project.

        One round trip, never from the cache: concurrent reads of the same credentials share one query, which
        starts after each of them began. Keys of other owners are read too: the decision compares.
        """
        return await self._tenancies.put(named)

    async def _find_tenancies(self, asked: Sequence[Credentials]) -> Sequence[Tenancy | Exception | None]:
        """Read for several decisions at once, and anew what is used and would have to be read within half a second."""
        named = list(dict.fromkeys(asked))
        named += [one for one in self._cache.aging(Credentials, _TOGETHER) if one not in asked][
            : _TOGETHER - len(named)
        ]
        read_at = self._cache.monotonic()
        found = {one["number"]: one for one in await aggregate(self._projects, credentials_pipelines(named))}
        read = {one: self._tenancy(one, found.get(number), read_at) for number, one in enumerate(named)}
        return [read[one] for one in asked]

    def _tenancy(self, named: Credentials, found: Document | None, read_at: float) -> Tenancy | Exception | None:
        """Read what was joined, and keep it; an error is that of these accounts alone."""
        if found is None or not found["developer"]:
            return None
        try:
            tenancy = tenancy_from(found)
        except Exception as error:  # noqa: BLE001 - raised to whoever asked for it
            return error
        accounts = (tenancy.developer.id, *([tenancy.user.id] if tenancy.user else []))
        self._cache.keep(named, tenancy, accounts=accounts, read_at=read_at)
        return tenancy

    def known_developer(self, developer_id: str) -> tuple[AccountState, str] | None:
        """Return what `developer_state` has read, if it may be used still (`AccountCache`)."""
        known: tuple[AccountState, str] | None = self._cache.find(developer_id)
        return known

    async def developer_state(self, developer_id: str) -> tuple[AccountState, str] | None:
        """Read what access of a developer needs: the account's state and the name of its tier."""
        read_at = self._cache.monotonic()
        found = await self._developers.find_one({"_id": developer_id}, STATE)
        if found is None:
            return None
        state = account_state(found), found["tier"]
        self._cache.keep(developer_id, state, accounts=(developer_id,), read_at=read_at)
        return state

    async def end_session(
        self, role: Role, account_id: str, project_id: str | None, session: str, until: datetime
    ) -> None:
        """Invalidate every token of a session at once; the mark stays until the last of them would expire."""
        change = session_ended(session, until, self._clock())
        try:
            await self._of(role).update_one(_owner(account_id, project_id), change)
        finally:
            self._cache.changed(account_id)

    async def password_hash(self, role: Role, account_id: str, project_id: str | None) -> str | None:
        """Read the hash that one's own password is checked against."""
        found = await self._of(role).find_one(_owner(account_id, project_id), {"password_hash": 1})
        return found["password_hash"] if found else None

    async def rehash(self, found: Login, password_hash: str) -> None:
        """Store the same password under today's parameters, unless it was changed meanwhile."""
        same = {**_owner(found.id, found.project_id), "password_hash": found.password_hash}
        await self._of(found.role).update_one(same, {"$set": {"password_hash": password_hash}})

    def _of(self, role: Role) -> Any:
        return self._by_role.get(role, self._staff)


def _owner(account_id: str, project_id: str | None) -> Document:
    """Name an account; that of an end user with its project."""
    return {"_id": account_id} if project_id is None else {"_id": account_id, "project_id": project_id}
