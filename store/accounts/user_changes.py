"""Changes of the end users of a project, and of one's own password: a draft, then the event."""

import secrets
import uuid
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from domain.accounts import developer as rules
from domain.errors import ErrorCode, ExemplarError
from events.envelope import Cause
from store.accounts.accounts import Accounts
from store.accounts.developers import Developers
from store.accounts.drafts import AccountDrafts, Draft, Stands
from store.accounts.records import UserRecord, user_from
from store.accounts.stale_drafts import Kind
from store.mongo.connection import Document


def random_id() -> str:
    return str(uuid.uuid4())


def random_change() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password that somebody gives himself: its hash, that of the one he `proved`, and his session."""

    hash: str = field(repr=False)
    proved: str = field(repr=False)
    kept_session: str


class UserChanges:
    """Change end users. Whoever has not what is to be changed gets ExemplarError `not_found`."""

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
        who = person(user_id or self._new_id(), email, password_hash, full_name)
        place = {"project_id": project_id, "developer_id": developer_id}
        async with self._new("users", {**who, **place}) as made:
            await self.developers.decide(
                developer_id,
                lambda d: rules.register_user(d, project=project_id, user=made.document["_id"]),
                cause=cause,
                stands=made.stands,
            )
        return user_from(made.document)

    async def reset_user_password(
        self, developer_id: str, project_id: str, user_id: str, password_hash: str, *, cause: Cause
    ) -> None:
        """Set another password; every session of the user is over."""
        await self._require_user(developer_id, project_id, user_id)
        change = self._new_change()
        owner = {"_id": user_id, "project_id": project_id, "developer_id": developer_id}
        fields = {"password_hash": password_hash}
        async with self._drafts.of_change("users", owner, change, fields) as stands:
            await self.developers.decide(
                developer_id,
                lambda d: rules.reset_user_password(d, project=project_id, user=user_id, change=change),
                cause=cause,
                stands=stands,
            )

    async def change_user_password(
        self, developer_id: str, project_id: str, user_id: str, new: NewPassword, *, cause: Cause
    ) -> None:
        """Set one's own password: every session is over but the one in which it is done.

        ExemplarError `invalid_credentials` when another was set since it was proved: who resets comes first.
        """
        owner = {"_id": user_id, "project_id": project_id, "developer_id": developer_id}
        change = self._new_change()
        async with self._own_password("users", owner, change, new) as stands:
            await self.developers.decide(
                developer_id,
                lambda d: rules.change_user_password(d, project=project_id, user=user_id, change=change),
                cause=cause,
                stands=stands,
            )

    async def change_developer_password(self, developer_id: str, new: NewPassword, *, cause: Cause) -> None:
        """Set the developer's own password, by the same rules."""
        change = self._new_change()
        async with self._own_password("developers", {"_id": developer_id}, change, new) as stands:
            await self.developers.decide(
                developer_id, lambda d: rules.change_password(d, change=change), cause=cause, stands=stands
            )

    async def delete_user(self, developer_id: str, project_id: str, user_id: str, *, cause: Cause) -> None:
        """Make a user nobody at once, of a deleted project too; `AccountSweep` erases what is his."""
        await self._require_user(developer_id, project_id, user_id)
        await self.developers.decide(
            developer_id, lambda d: rules.delete_user(d, project=project_id, user=user_id), cause=cause
        )

    async def note_erased(self, developer_id: str, project_id: str, user_id: str, *, cause: Cause) -> None:
        """Note that nothing of a deleted user is left; his document goes too."""
        await self.developers.decide(
            developer_id, lambda d: rules.erase_user(d, project=project_id, user=user_id), cause=cause
        )

    def _own_password(
        self, kind: Kind, owner: Document, change: str, new: NewPassword
    ) -> AbstractAsyncContextManager[Stands]:
        fields = {"password_hash": new.hash, "kept_session": new.kept_session}
        return self._drafts.of_change(
            kind, {**owner, "active": True}, change, fields, proved={"password_hash": new.proved}
        )

    def _new(self, kind: Kind, document: Document) -> AbstractAsyncContextManager[Draft]:
        return self._drafts.of_new(kind, document, settle=self.developers.catch_up)

    async def _require_user(self, developer_id: str, project_id: str, user_id: str) -> None:
        found = await self._accounts.user(project_id, user_id)
        if found is None or found.developer_id != developer_id:
            raise ExemplarError(ErrorCode.NOT_FOUND)


def person(account_id: str, email: str, password_hash: str, full_name: str | None) -> Document:
    return {"_id": account_id, "email": email, "password_hash": password_hash, "full_name": full_name}
