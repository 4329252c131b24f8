from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from domain.accounts import developer as rules
from domain.errors import ErrorCode, ExemplarError
from events import developer as facts
from events.commit import Commit
from events.envelope import Cause, RecordedEvent
from events.erasure import CLOSED, Grounds
from events.generation import Owner
from store.accounts import writes
from store.accounts.access_key_changes import AccessKeyChanges
from store.accounts.access_keys import owned_by
from store.accounts.account_cache import AccountCache
from store.accounts.records import DeveloperRecord, KeyRecord, ProjectRecord, UserRecord, record_from
from store.accounts.streams import DeveloperStreams, existing
from store.accounts.writes import NewKey, NewPassword, NewPerson
from store.commits.contract import EventStore, Write
from store.mongo.connection import Database, Document, reachable
from store.mongo.transactions import Session


class AccountChanges:
    """Append each change and write its documents in one transaction.

    Ids may be given, so that a restart finds what it created: AlreadyExistsError. Raises ExemplarError:
    `not_found` for what the developer does not own, `key_limit_exceeded`, `project_limit_exceeded`.
    `access_keys` changes the access keys of users.
    """

    def __init__(
        self,
        database: Database,
        events: EventStore,
        *,
        clock: Callable[[], datetime],
        account_cache: AccountCache,
        announce: Callable[[Commit], None] = lambda _: None,
    ) -> None:
        self._streams = DeveloperStreams(database, events, clock=clock, announce=announce, account_cache=account_cache)
        self.access_keys = AccessKeyChanges(database, self._streams, clock)
        self._developers = database["developers"]
        self._projects = database["projects"]
        self._users = database["users"]
        self._keys = database["keys"]
        self._access_keys = database["access_keys"]

    async def history(self, developer_id: str) -> list[RecordedEvent]:
        """Read all events of a developer, oldest first; [] for an unknown one."""
        return await self._streams.history(rules.stream_of(developer_id))

    async def register_developer(self, person: NewPerson, *, tier: str, cause: Cause) -> DeveloperRecord:
        document = {**person.document, "tier": tier}
        decision = partial(rules.register, tier=tier)
        made = await self._streams.create(person.id, self._developers, document, decision, cause=cause)
        return record_from(DeveloperRecord, made)

    async def change_tier(self, developer_id: str, tier: str, *, cause: Cause) -> None:
        await self._streams.change(developer_id, partial(rules.change_tier, tier=tier), cause=cause)

    async def set_developer_password(self, developer_id: str, new: NewPassword, *, cause: Cause) -> None:
        """Set a password; raises as `set_password`."""
        write = writes.set_password(self._developers, {"_id": developer_id}, new)
        event = facts.DeveloperPasswordReset() if new.proved is None else facts.DeveloperPasswordChanged()
        await self._record(developer_id, event, write, cause, rule=rules.record)

    async def correct_quota(self, developer_id: str, corrected: facts.QuotaCorrected, *, cause: Cause) -> None:
        """Record a correction of the quota ledger, once."""
        decision = partial(rules.correct_quota, corrected=corrected)
        await self._streams.change(developer_id, decision, cause=cause)

    async def create_project(
        self,
        developer_id: str,
        *,
        name: str,
        limit: int | None,
        cause: Cause,
        description: str | None = None,
        project_id: str | None = None,
    ) -> ProjectRecord:
        """Create a project; `limit` is the tier's number of projects, None for any."""
        document: Document = {
            "_id": project_id or writes.random_id(),
            "developer_id": developer_id,
            "name": name,
            "description": description,
            "updated_at": None,
        }
        decision = existing(partial(rules.create_project, project=document["_id"], limit=limit))
        made = await self._streams.create(developer_id, self._projects, document, decision, cause=cause)
        return record_from(ProjectRecord, made)

    async def update_project(
        self, developer_id: str, project_id: str, changes: Mapping[str, str | None], *, cause: Cause
    ) -> ProjectRecord:
        """Change `name` or `description`; without changes nothing is appended."""
        owned = {"_id": project_id, "developer_id": developer_id, "active": True}
        if changes:
            write = writes.update(self._projects, owned, lambda by: {"$set": {**changes, "updated_at": by.time}})
            await self._record(developer_id, facts.ProjectRenamed(project=project_id), write, cause)
        with reachable():
            found = await self._projects.find_one(owned)
        if found is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return record_from(ProjectRecord, found)

    async def delete_project(self, developer_id: str, project_id: str, *, cause: Cause) -> None:
        """Close a project: its users, keys and generations cannot be reached any more."""
        owned = {"_id": project_id, "developer_id": developer_id}
        write = writes.update(self._projects, owned, lambda by: {"$set": writes.deleted(by, None)})
        await self._record(developer_id, facts.ProjectDeleted(project=project_id), write, cause)

    async def request_project_erasure(
        self, developer_id: str, project_id: str, grounds: Grounds, *, cause: Cause
    ) -> None:
        """Delete a project and have it erased now, also one that is deleted already; `AccountErasure` does it.

        Of several requests the first gives the grounds.
        """

        def requested(by: RecordedEvent) -> list[Document]:
            change = writes.deleted(by, grounds)
            kept = {
                "deleted_at": {"$ifNull": ["$deleted_at", by.time]},
                "deletion": {"$cond": ["$erase_now", "$deletion", {"$literal": change["deletion"]}]},
            }
            return [{"$set": {**change, **kept, "erase_now": True}}]

        owned = {"_id": project_id, "developer_id": developer_id, "erased_at": None}
        decision = partial(rules.request_project_erasure, project=project_id, grounds=grounds)
        write = writes.update(self._projects, owned, requested)
        await self._streams.change(developer_id, decision, cause=cause, write=write)

    async def record_project_erased(self, developer_id: str, project_id: str, *, cause: Cause) -> None:
        """Record that all data of a deleted project are deleted, and delete its names."""

        async def write(commit: Commit, session: Session) -> None:
            owned = {"_id": project_id, "developer_id": developer_id}
            empty = {"name": "", "description": None, "erased_at": commit.events[0].time}
            await self._projects.update_one(owned, {"$set": empty}, session=session)
            keys = {"project_id": project_id, "developer_id": developer_id}
            await self._keys.update_many(keys, {"$set": {"name": None}}, session=session)

        decision = partial(rules.erase_project, project=project_id)
        await self._streams.change(developer_id, decision, cause=cause, write=write)

    async def create_key(self, developer_id: str, project_id: str | None, key: NewKey, *, cause: Cause) -> KeyRecord:
        """Store an API key of a project or, with None, a developer key."""
        document: Document = {
            "_id": key.id,
            "developer_id": developer_id,
            "project_id": project_id,
            "kind": "developer" if project_id is None else "project",
            "hash": key.hash,
            "prefix": key.prefix,
            "name": key.name,
            "last_used_at": None,
        }
        decision = existing(partial(rules.create_key, key=key.id, project=project_id))
        made = await self._streams.create(developer_id, self._keys, document, decision, cause=cause)
        return record_from(KeyRecord, made)

    async def revoke_key(self, developer_id: str, key_id: str, project_id: str | None = None, *, cause: Cause) -> None:
        """Revoke a key from the next request on."""
        owned = {"_id": key_id, "developer_id": developer_id}
        write = writes.update(self._keys, owned, writes.ended("revoked_at"))
        decision = partial(rules.revoke_key, key=key_id, project=project_id)
        await self._streams.change(developer_id, decision, cause=cause, write=write)

    async def record_restart(self, developer_id: str, restarted: facts.DeliveriesRestarted, *, cause: Cause) -> None:
        """Record that webhook deliveries of a project are restarted."""
        await self._streams.change(developer_id, partial(rules.record_in_project, event=restarted), cause=cause)

    async def register_user(self, developer_id: str, project_id: str, person: NewPerson, *, cause: Cause) -> UserRecord:
        document = {**person.document, "project_id": project_id, "developer_id": developer_id}
        registered = facts.UserRegistered(project=project_id, user=person.id)
        decision = existing(partial(rules.record_in_project, event=registered))
        made = await self._streams.create(developer_id, self._users, document, decision, cause=cause)
        return record_from(UserRecord, made)

    async def set_user_password(
        self, developer_id: str, project_id: str, user_id: str, new: NewPassword, *, cause: Cause
    ) -> None:
        """Set a password; raises as `set_password`."""
        write = writes.set_password(self._users, _user(developer_id, project_id, user_id), new)
        fact = facts.UserPasswordReset if new.proved is None else facts.UserPasswordChanged
        await self._record(developer_id, fact(project=project_id, user=user_id), write, cause)

    async def delete_user(
        self, developer_id: str, project_id: str, user_id: str, grounds: Grounds = CLOSED, *, cause: Cause
    ) -> None:
        """Close a user's account at once, in a deleted project too; `AccountErasure` erases the data."""
        user = _user(developer_id, project_id, user_id)
        write = writes.update(self._users, user, partial(writes.without_personal_data, grounds=grounds))
        event = facts.UserDeleted(project=project_id, user=user_id, grounds=grounds)
        await self._record(developer_id, event, write, cause, rule=rules.record)

    async def record_user_erased(self, developer_id: str, project_id: str, user_id: str, *, cause: Cause) -> None:
        """Record that all data of a deleted user are erased, and delete the documents."""
        user = {**_user(developer_id, project_id, user_id), "deleted_at": {"$ne": None}}
        event = facts.UserErased(project=project_id, user=user_id)
        keys = self._access_keys, owned_by(Owner(developer=developer_id, project=project_id, user=user_id))
        write = writes.delete((self._users, user), keys)
        await self._record(developer_id, event, write, cause, rule=rules.record)

    async def _record(
        self,
        developer_id: str,
        event: facts.DeveloperEvent,
        write: Write,
        cause: Cause,
        *,
        rule: Callable[..., rules.Decision] = rules.record_in_project,
    ) -> None:
        await self._streams.change(developer_id, partial(rule, event=event), cause=cause, write=write)


def _user(developer_id: str, project_id: str, user_id: str) -> Document:
    """Name a user who is not deleted."""
    return {"_id": user_id, "project_id": project_id, "developer_id": developer_id, "deleted_at": None}
