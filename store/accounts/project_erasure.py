"""What deleted projects leave behind goes by itself, a stated time after their deletion."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from events.envelope import Cause
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.webhooks.webhooks import Webhooks

_CAUSE = Cause(actor="actor:accounts")

log = structlog.get_logger()


class ProjectErasure:
    """Erase projects `after` their deletion: their users first, then their webhooks, then their words."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        changes: AccountChanges,
        webhooks: Webhooks,
        after: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._changes = changes
        self._webhooks = webhooks
        self._after = after
        self._clock = clock

    async def round(self, *, room: int) -> int:
        """Delete at most `room` users of projects whose time has come; return how many.

        A project whose last user is erased is erased with its webhooks. Repeatable, and may stop anywhere.
        """
        deleted = 0
        for developer, project in await self._accounts.left_behind(self._clock() - self._after):
            if await self._accounts.is_empty(developer, project):
                await self._erase(developer, project)
            elif deleted < room:
                deleted += await self._delete_users(developer, project, limit=room - deleted)
        return deleted

    async def _delete_users(self, developer: str, project: str, *, limit: int) -> int:
        users = await self._accounts.users_left(developer, project, limit=limit)
        for user in users:
            await self._changes.delete_user(developer, project, user.id, cause=_CAUSE)
        return len(users)

    async def _erase(self, developer: str, project: str) -> None:
        await self._webhooks.erase_project(project, cause=_CAUSE)
        await self._changes.note_project_erased(developer, project, cause=_CAUSE)
        log.info("project erased", project_id=project)
