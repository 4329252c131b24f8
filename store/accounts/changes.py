"""Every change of a developer and of what he has: a draft, then the event, then the document in force."""

from collections.abc import Mapping

from domain.accounts import developer as rules
from domain.errors import ErrorCode, ExemplarError
from events.envelope import Cause, RecordedEvent
from store.accounts.records import (
    DeveloperRecord,
    KeyRecord,
    ProjectRecord,
    developer_from,
    key_from,
    project_from,
)
from store.accounts.user_changes import UserChanges, person


class AccountChanges(UserChanges):
    """Change accounts. Ids may be given, so that a restart finds what it made: `AlreadyExistsError`.

    Whoever has not what is to be changed gets ExemplarError `not_found`; limits are `key_limit_exceeded` and
    `project_limit_exceeded`. E-mail addresses come in their normal form, passwords as hashes.
    """

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
        who = person(developer_id or self._new_id(), email, password_hash, full_name)
        async with self._new("developers", {**who, "tier": tier}) as made:
            await self.developers.begin(made.document["_id"], tier=tier, cause=cause, stands=made.stands)
        return developer_from(made.document)

    async def change_tier(self, developer_id: str, tier: str, *, cause: Cause) -> None:
        await self.developers.decide(developer_id, lambda d: rules.change_tier(d, tier=tier), cause=cause)

    async def reset_developer_password(self, developer_id: str, password_hash: str, *, cause: Cause) -> None:
        """Set another password; every session of the developer is over."""
        change, owner = self._new_change(), {"_id": developer_id}
        fields = {"password_hash": password_hash}
        async with self._drafts.of_change("developers", owner, change, fields) as stands:
            await self.developers.decide(
                developer_id, lambda d: rules.reset_password(d, change=change), cause=cause, stands=stands
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
        async with self._new("projects", document) as made:
            await self.developers.decide(
                developer_id,
                lambda d: rules.create_project(d, project=made.document["_id"], limit=limit),
                cause=cause,
                stands=made.stands,
            )
        return project_from(made.document)

    async def update_project(
        self, developer_id: str, project_id: str, changes: Mapping[str, str | None], *, cause: Cause
    ) -> ProjectRecord:
        """Change `name` or `description`; nothing to change changes nothing."""
        change, owner = self._new_change(), {"_id": project_id, "developer_id": developer_id}
        if changes:
            async with self._drafts.of_change("projects", owner, change, changes) as stands:
                await self.developers.decide(
                    developer_id,
                    lambda d: rules.rename_project(d, project=project_id, change=change),
                    cause=cause,
                    stands=stands,
                )
        changed = await self._accounts.project(developer_id, project_id)
        if changed is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return changed

    async def delete_project(self, developer_id: str, project_id: str, *, cause: Cause) -> None:
        await self.developers.decide(
            developer_id, lambda d: rules.delete_project(d, project=project_id), cause=cause
        )

    async def note_project_erased(self, developer_id: str, project_id: str, *, cause: Cause) -> None:
        """Note that nothing of a deleted project is left; its words go too."""
        await self.developers.decide(
            developer_id, lambda d: rules.erase_project(d, project=project_id), cause=cause
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
        async with self._new("keys", document) as made:
            await self.developers.decide(
                developer_id,
                lambda d: rules.create_key(d, key=made.document["_id"], project=project_id),
                cause=cause,
                stands=made.stands,
            )
        return key_from(made.document)

    async def revoke_key(
        self, developer_id: str, key_id: str, project_id: str | None = None, *, cause: Cause
    ) -> None:
        """End a key for the next request on."""
        await self.developers.decide(
            developer_id, lambda d: rules.revoke_key(d, key=key_id, project=project_id), cause=cause
        )
