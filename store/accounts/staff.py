"""Operators and auditors: the people of the platform, who belong to no developer."""

from collections.abc import Callable
from datetime import datetime

from domain.access import AccountState, Role
from store.accounts.queries import STATE, login
from store.accounts.records import Login, StaffRecord, account_state, staff_from
from store.accounts.slots import insert
from store.mongo.connection import Database, reachable


class Staff:
    """Keep the accounts of operators and auditors."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.collection = database["staff"]
        self._clock = clock

    async def ensure_indexes(self) -> None:
        with reachable():
            await self.collection.create_index("email", unique=True)

    async def create(
        self, staff_id: str, role: Role, *, email: str, password_hash: str, full_name: str | None = None
    ) -> StaffRecord:
        """Keep an account; `AlreadyExistsError` when the address is taken."""
        document = {
            "_id": staff_id,
            "role": role.value,
            "email": email,
            "password_hash": password_hash,
            "full_name": full_name,
            "active": True,
            "created_at": self._clock(),
        }
        await insert(self.collection, document)
        return staff_from(document)

    async def find(self, staff_id: str) -> StaffRecord | None:
        with reachable():
            found = await self.collection.find_one({"_id": staff_id})
        return None if found is None else staff_from(found)

    async def all(self) -> list[StaffRecord]:
        """List everybody, newest first."""
        with reachable():
            found = self.collection.find({}).sort([("created_at", -1), ("_id", 1)])
            return [staff_from(document) async for document in found]

    async def state(self, staff_id: str, role: Role) -> AccountState | None:
        """Read what access needs of somebody with this role."""
        with reachable():
            found = await self.collection.find_one({"_id": staff_id, "role": role.value}, STATE)
        return None if found is None else account_state(found)

    async def find_login(self, email: str) -> Login | None:
        """Find what a login is checked against."""
        with reachable():
            found = await self.collection.find_one({"email": email})
        return None if found is None else login(found, Role(found["role"]), active=found["active"])

    async def remove(self, name: str) -> bool:
        """Delete an account by id or address; its tokens are void at once. False when there is none."""
        with reachable():
            result = await self.collection.delete_one({"$or": [{"_id": name}, {"email": name}]})
        return bool(result.deleted_count)
