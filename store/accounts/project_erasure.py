from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from events.envelope import Cause
from store.accounts.changes import AccountChanges
from store.accounts.deletions import Deletions
from store.webhooks.webhooks import Webhooks

_CAUSE = Cause(actor="actor:accounts")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectErasure:
    """Erase projects some time after their deletion: first their users, then their webhooks and names."""

    deletions: Deletions
    account_changes: AccountChanges
    webhooks: Webhooks
    erase_projects_after: timedelta
    clock: Callable[[], datetime]

    async def run(self, *, most: int) -> int:
        """Delete at most `most` users of projects that are due; return how many.

        A project without users is erased. Repeatable, and may be interrupted anywhere.
        """
        deleted = 0
        for developer, project in await self.deletions.projects(self.clock() - self.erase_projects_after):
            if await self.deletions.is_empty(developer, project):
                await self._erase(developer, project)
            elif deleted < most:
                deleted += await self._delete_users(developer, project, limit=most - deleted)
        return deleted

    async def _delete_users(self, developer: str, project: str, *, limit: int) -> int:
        users = await self.deletions.remaining_users(developer, project, limit=limit)
        for user in users:
            await self.account_changes.delete_user(developer, project, user, cause=_CAUSE)
        return len(users)

    async def _erase(self, developer: str, project: str) -> None:
        await self.webhooks.erase_project(project, cause=_CAUSE)
        await self.account_changes.record_project_erased(developer, project, cause=_CAUSE)
        log.info("project_erased", project_id=project)
