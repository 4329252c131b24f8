"""Erasure of deleted projects, a configured time after their deletion."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from events.envelope import Cause
from store.accounts.changes import AccountChanges
from store.accounts.deletions import Deletions
from store.webhooks.webhooks import Webhooks

_CAUSE = Cause(actor="actor:accounts")

log = structlog.get_logger()


class ProjectErasure:
    """Erase projects some time after their deletion: first their users, then their webhooks and names."""

    def __init__(
        self,
        *,
        deletions: Deletions,
        account_changes: AccountChanges,
        webhooks: Webhooks,
        erase_projects_after: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._deletions = deletions
        self._changes = account_changes
        self._webhooks = webhooks
        self._after = erase_projects_after
        self._clock = clock

    async def run(self, *, most: int) -> int:
        """Delete at most `most` users of projects that are due; return how many.

        A project without users is erased. Repeatable, and may be interrupted anywhere.
        """
        deleted = 0
        for developer, project in await self._deletions.projects(self._clock() - self._after):
            if await self._deletions.is_empty(developer, project):
                await self._erase(developer, project)
            elif deleted < most:
                deleted += await self._delete_users(developer, project, limit=most - deleted)
        return deleted

    async def _delete_users(self, developer: str, project: str, *, limit: int) -> int:
        users = await self._deletions.remaining_users(developer, project, limit=limit)
        for user in users:
            await self._changes.delete_user(developer, project, user, cause=_CAUSE)
        return len(users)

    async def _erase(self, developer: str, project: str) -> None:
        await self._webhooks.erase_project(project, cause=_CAUSE)
        await self._changes.record_project_erased(developer, project, cause=_CAUSE)
        log.info("project_erased", project_id=project)
