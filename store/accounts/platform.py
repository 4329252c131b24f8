from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, cast

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from domain.accounts import platform as rules
from domain.accounts.access import AccountState, Role
from domain.accounts.platform import STREAM, Decision, PersonalDataGrant, Platform, StaffRole, fold
from events.commit import Commit
from events.envelope import Cause, RecordedEvent
from store.accounts.queries import STATE, login
from store.accounts.records import Login, StaffRecord, account_state, grant_document, grants_of, record_from
from store.accounts.writes import NewPassword, NewPerson, delete, insert, set_password, update
from store.commits.contract import EventStore, Write
from store.commits.repository import Repository
from store.consumers.consumers import owned_by
from store.errors import AlreadyExistsError
from store.mongo.connection import Database, Indexes, raises_unavailable


class PlatformChanges:
    """Append each change to stream `platform` and write its document in one transaction."""

    def __init__(
        self,
        database: Database,
        events: EventStore,
        *,
        clock: Callable[[], datetime],
        announce: Callable[[Commit], None] = lambda _: None,
    ) -> None:
        self._staff = database["staff"]
        self._consumers = database["audit_consumers"]
        self._streams = Repository(events, fold=fold, announce=announce, clock=clock)

    async def create_staff(self, person: NewPerson, role: Role, *, cause: Cause) -> StaffRecord:
        """Create an account; AlreadyExistsError when the address is taken."""
        document = {**person.document, "role": role.value, "active": True}
        decision = partial(rules.create_staff, staff=person.id, role=cast("StaffRole", role.value))
        try:
            created = await self._decide(decision, insert(self._staff, document), cause)
        except DuplicateKeyError:
            created = False
        if not created:
            raise AlreadyExistsError(person.id)
        return record_from(StaffRecord, document)

    async def change_password(self, staff_id: str, new: NewPassword, *, cause: Cause) -> None:
        """Set one's own password: every session ends but the one in which it is done."""
        write = set_password(self._staff, {"_id": staff_id}, new)
        await self._decide(partial(rules.change_password, staff=staff_id), write, cause)

    async def delete_staff(self, staff_id: str, *, cause: Cause) -> None:
        """Delete an account with its consumers; its tokens are invalid at once."""
        write = delete((self._staff, {"_id": staff_id}), (self._consumers, owned_by(staff_id)))
        await self._decide(partial(rules.delete_staff, staff=staff_id), write, cause)

    async def grant_access(self, staff_id: str, grant: PersonalDataGrant, *, cause: Cause) -> None:
        """Let an account read personal data until the end of a grant; `not_found` for an unknown account."""
        write = update(self._staff, {"_id": staff_id}, lambda _: {"$push": {"grants": grant_document(grant)}})
        await self._decide(partial(rules.grant_access, grant=grant, staff=staff_id), write, cause)

    async def end_grant(self, staff_id: str, grant: str, *, cause: Cause) -> None:
        """End a grant now; repeatable."""
        write = update(self._staff, {"_id": staff_id}, lambda _: {"$pull": {"grants": {"id": grant}}})
        await self._decide(partial(rules.end_grant, grant=grant), write, cause)

    async def history(self) -> list[RecordedEvent]:
        """Read all events of the platform, oldest first."""
        return await self._streams.history(STREAM)

    async def _decide(self, decision: Callable[[Platform], Decision], write: Write, cause: Cause) -> bool:
        async def write_it(_: Platform | None, commit: Commit, session: Any) -> None:
            await write(commit, session)

        def decide(platform: Platform | None) -> Decision:
            return decision(platform or Platform())

        decided = await self._streams.decide(STREAM, decide, cause=cause, write=write_it)
        return decided.commit is not None


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

    async def grants(self, staff_id: str) -> tuple[PersonalDataGrant, ...]:
        """Read what an account was granted; some may have ended by now."""
        found = await self._staff.find_one({"_id": staff_id}, {"grants": 1})
        return grants_of(found or {})

    async def find_login(self, email: str) -> Login | None:
        """Find what a login is checked against."""
        found = await self._staff.find_one({"email": email})
        return None if found is None else login(found, Role(found["role"]), active=found["active"])
