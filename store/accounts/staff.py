"""Operators and auditors: the people of the platform, who belong to no developer."""

from typing import ClassVar

from pymongo import IndexModel

from domain.accounts.access import AccountState, Role
from store.accounts.queries import KEPT, STATE, login
from store.accounts.records import Login, StaffRecord, account_state, staff_from
from store.mongo.connection import Database, Indexes, reachable


class Staff:
    """Read the accounts of operators and auditors; `PlatformChanges` changes them."""

    indexes: ClassVar[Indexes] = {"staff": [IndexModel("email", unique=True)]}

    def __init__(self, database: Database) -> None:
        self.collection = database["staff"]

    async def find(self, name: str) -> StaffRecord | None:
        """Find somebody by id or by e-mail address in its normal form."""
        with reachable():
            found = await self.collection.find_one({"$or": [{"_id": name}, {"email": name}], **KEPT})
        return None if found is None else staff_from(found)

    async def all(self) -> list[StaffRecord]:
        """List everybody, newest first."""
        with reachable():
            found = self.collection.find(KEPT).sort([("created_at", -1), ("_id", 1)])
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
