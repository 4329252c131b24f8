from typing import ClassVar

from pymongo import IndexModel

from domain.accounts.access import AccountState, Role
from store.accounts.queries import STATE, login
from store.accounts.records import Login, StaffRecord, account_state, record_from
from store.mongo.connection import Database, Indexes, raises_unavailable


@raises_unavailable
class StaffAccounts:
    """Read the accounts of operators and auditors; `PlatformChanges` changes them."""

    indexes: ClassVar[Indexes] = {"staff": [IndexModel("email", unique=True)]}

    def __init__(self, database: Database) -> None:
        self._staff = database["staff"]

    async def find(self, name: str) -> StaffRecord | None:
        """Find an account by id or by e-mail address in its normal form."""
        found = await self._staff.find_one({"$or": [{"_id": name}, {"email": name}]})
        return None if found is None else record_from(StaffRecord, found)

    async def all(self) -> list[StaffRecord]:
        """List all accounts, newest first."""
        found = self._staff.find({}).sort([("created_at", -1), ("_id", 1)])
        return [record_from(StaffRecord, document) async for document in found]

    async def state(self, staff_id: str, role: Role) -> AccountState | None:
        """Read what access needs of an account with this role."""
        found = await self._staff.find_one({"_id": staff_id, "role": role.value}, STATE)
        return None if found is None else account_state(found)

    async def find_login(self, email: str) -> Login | None:
        """Find what a login is checked against."""
        found = await self._staff.find_one({"email": email})
        return None if found is None else login(found, Role(found["role"]), active=found["active"])
