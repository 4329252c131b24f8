"""Every change of a developer and of what he has: a draft, then the event, then the document in force."""

import secrets
import uuid
from collections.abc import Callable, Mapping

from domain import developer as rules
from domain.errors import ErrorCode, ExemplarError
from events.envelope import Cause, RecordedEvent
from store.accounts.accounts import Accounts
from store.accounts.developers import Developers
from store.accounts.drafts import AccountDrafts
from store.accounts.records import (
    DeveloperRecord,
    KeyRecord,
    ProjectRecord,
    UserRecord,
    developer_from,
    key_from,
    project_from,
    user_from,
)
from store.mongo.connection import Document


def random_id() -> str:
    return str(uuid.uuid4())


def random_change() -> str:
    return secrets.token_hex(8)


class AccountChanges:
    """Change accounts. Ids may be given, so that a restart finds what it made: `AlreadyExistsError`.

    Whoever has not what is to be changed gets ExemplarError `not_found`; limits are `key_limit_exceeded` and
    `project_limit_exceeded`. E-mail addresses come in their normal form, passwords as hashes.
    """

    def __init__(
        self,
        accounts: Accounts,
        drafts: AccountDrafts,
        developers: Developers,
        *,
        new_id: Callable[[], str] = random_id,
        new_change: Callable[[], str] = random_change,
    ) -> None:
        self._accounts = accounts
        self._drafts = drafts
        self.developers = developers
        self._new_id = new_id
        self._new_change = new_change

    async def history(self, developer_id: str) -> list[RecordedEvent]:
        """Read every change of a developer, oldest first; [] for nobody."""
        return await self.developers.history(developer_id)

    async def register_developer(
        self,
        *,
        email: str,
        password_hash: str,
        tier: str,
        cause: Cause,
        full_name: str | None = None,
        developer_id: str | None = None,
    ) -> DeveloperRecord:
        person = _person(developer_id or self._new_id(), email, password_hash, full_name)
        async with self._drafts.of_new("developers", {**person, "tier": tier}) as made:
            await self.developers.begin(made["_id"], tier=tier, cause=cause)
        return developer_from(made)

    async def change_tier(self, developer_id: str, tier: str, *, cause: Cause) -> None:
        await self.developers.decide(developer_id, lambda d: rules.change_tier(d, tier=tier), cause=cause)

    async def reset_developer_password(self, developer_id: str, password_hash: str, *, cause: Cause) -> None:
        """Set another password; every session of the developer is over."""
        change, owner = self._new_change(), {"_id": developer_id}
        async with self._drafts.of_change("developers", owner, change, {"password_hash": password_hash}):
            await self.developers.decide(
                developer_id, lambda d: rules.reset_password(d, change=change), cause=cause
            )

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
        """Make a project; `limit` is the tier's number of projects, None any."""
        document = {
            "_id": project_id or self._new_id(),
            "developer_id": developer_id,
            "name": name,
            "description": description,
            "updated_at": None,
        }
        async with self._drafts.of_new("projects", document) as made:
            await self.developers.decide(
                developer_id,
                lambda d: rules.create_project(d, project=made["_id"], limit=limit),
                cause=cause,
            )
        return project_from(made)

    async def update_project(
        self, developer_id: str, project_id: str, changes: Mapping[str, str | None], *, cause: Cause
    ) -> ProjectRecord:
        """Change `name` or `description`; nothing to change changes nothing."""
        change, owner = self._new_change(), {"_id": project_id, "developer_id": developer_id}
        if changes:
            async with self._drafts.of_change("projects", owner, change, changes):
                await self.developers.decide(
                    developer_id,
                    lambda d: rules.rename_project(d, project=project_id, change=change),
                    cause=cause,
                )
        changed = await self._accounts.project(developer_id, project_id)
        if changed is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return changed

    async def delete_project(self, developer_id: str, project_id: str, *, cause: Cause) -> None:
        await self.developers.decide(
            developer_id, lambda d: rules.delete_project(d, project=project_id), cause=cause
        )

    async def create_key(
        self,
        developer_id: str,
        project_id: str | None,
        *,
        key_hash: str,
        prefix: str,
        cause: Cause,
        name: str | None = None,
        key_id: str | None = None,
    ) -> KeyRecord:
        """Keep the hash of a key of a project or, with None, of the developer himself."""
        document = {
            "_id": key_id or self._new_id(),
            "developer_id": developer_id,
            "project_id": project_id,
            "kind": "developer" if project_id is None else "project",
            "hash": key_hash,
            "prefix": prefix,
            "name": name,
            "last_used_at": None,
        }
        async with self._drafts.of_new("keys", document) as made:
            await self.developers.decide(
                developer_id,
                lambda d: rules.create_key(d, key=made["_id"], project=project_id),
                cause=cause,
            )
        return key_from(made)

    async def revoke_key(
        self, developer_id: str, key_id: str, project_id: str | None = None, *, cause: Cause
    ) -> None:
        """End a key for the next request on."""
        await self.developers.decide(
            developer_id, lambda d: rules.revoke_key(d, key=key_id, project=project_id), cause=cause
        )

    async def register_user(
        self,
        developer_id: str,
        project_id: str,
        *,
        email: str,
        password_hash: str,
        cause: Cause,
        full_name: str | None = None,
        user_id: str | None = None,
    ) -> UserRecord:
        person = _person(user_id or self._new_id(), email, password_hash, full_name)
        place = {"project_id": project_id, "developer_id": developer_id}
        async with self._drafts.of_new("users", {**person, **place}) as made:
            await self.developers.decide(
                developer_id,
                lambda d: rules.register_user(d, project=project_id, user=made["_id"]),
                cause=cause,
            )
        return user_from(made)

    async def reset_user_password(
        self, developer_id: str, project_id: str, user_id: str, password_hash: str, *, cause: Cause
    ) -> None:
        """Set another password; every session of the user is over."""
        await self._require_user(developer_id, project_id, user_id)
        change = self._new_change()
        owner = {"_id": user_id, "project_id": project_id, "developer_id": developer_id}
        async with self._drafts.of_change("users", owner, change, {"password_hash": password_hash}):
            await self.developers.decide(
                developer_id,
                lambda d: rules.reset_user_password(d, project=project_id, user=user_id, change=change),
                cause=cause,
            )

    async def delete_user(self, developer_id: str, project_id: str, user_id: str, *, cause: Cause) -> None:
        """Make a user nobody at once; `AccountSweep` erases what is his."""
        await self._require_user(developer_id, project_id, user_id)
        await self.developers.decide(
            developer_id, lambda d: rules.delete_user(d, project=project_id, user=user_id), cause=cause
        )

    async def note_erased(self, developer_id: str, project_id: str, user_id: str, *, cause: Cause) -> None:
        """Note that nothing of a deleted user is left; his document goes too."""
        await self.developers.decide(
            developer_id, lambda d: rules.erase_user(d, project=project_id, user=user_id), cause=cause
        )

    async def _require_user(self, developer_id: str, project_id: str, user_id: str) -> None:
        found = await self._accounts.user(project_id, user_id)
        if found is None or found.developer_id != developer_id:
            raise ExemplarError(ErrorCode.NOT_FOUND)


def _person(account_id: str, email: str, password_hash: str, full_name: str | None) -> Document:
    return {"_id": account_id, "email": email, "password_hash": password_hash, "full_name": full_name}
