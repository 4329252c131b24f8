from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from domain.generation.listing import Scope
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.deletions import Deletion, Deletions
from store.accounts.postponed import Postponed
from store.consumers.project_consumers import ProjectConsumers
from store.generations.scope_erasure import ErasedPage, ScopeErasure
from store.webhooks.webhooks import Webhooks

LATE_ARRIVALS = timedelta(minutes=10)
"""How long an upload that was admitted before the deletion may still arrive; its row comes a little later."""

_ERASED_AT_ONCE = 1000
"""Of one user in one run: others do not wait for somebody with many generations."""

_USERS_OF_PROJECTS = 50
"""Of the users erased at once, those of deleted projects: single users do not wait for a big project."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectErasure:
    """Erase deleted projects, after some time or now: first their users, then their webhooks and names."""

    deletions: Deletions
    account_changes: AccountChanges
    webhooks: Webhooks
    project_consumers: ProjectConsumers
    erase_projects_after: timedelta
    postponed: Postponed
    safe_now: Callable[[], Awaitable[datetime]]

    async def run(self, *, most: int) -> int:
        """Delete at most `most` users of projects that are due; return how many.

        A project without users is erased. Repeatable, and may be interrupted anywhere.
        """
        deleted, before = 0, await self.safe_now() - self.erase_projects_after
        for one in await self.deletions.projects(before, without=self.postponed.ids()):
            with self.postponed.isolated(one.project):
                if await self.deletions.is_empty(one.developer, one.project):
                    await self._erase(one)
                elif deleted < most:
                    deleted += await self._delete_users(one, most=most - deleted)
        return deleted

    async def _delete_users(self, one: Deletion, *, most: int) -> int:
        users = await self.deletions.remaining_users(one.developer, one.project, limit=most)
        for user in users:
            await self.account_changes.delete_user(one.developer, one.project, user, one.grounds, cause=one.cause)
        return len(users)

    async def _erase(self, one: Deletion) -> None:
        await self.webhooks.erase_project(one.project, cause=one.cause)
        await self.project_consumers.erase(one.developer, one.project)
        await self.account_changes.record_project_erased(one.developer, one.project, cause=one.cause)
        log.info("project_erased", project_id=one.project)


@dataclass(slots=True, kw_only=True)
class AccountErasure:
    """Erase generations, sessions and documents of deleted users. Repeatable, and may be interrupted."""

    deletions: Deletions
    account_changes: AccountChanges
    project_erasure: ProjectErasure
    accounts: Accounts
    scope_erasure: ScopeErasure
    postponed: Postponed
    safe_now: Callable[[], Awaitable[datetime]]
    _empty_since: dict[str, datetime] = field(default_factory=dict, init=False)

    async def run(self) -> int:
        """Do what is due; return how many users were deleted and how many generations were erased."""
        waiting = len(await self.deletions.users(limit=_USERS_OF_PROJECTS, without=self.postponed.ids()))
        done = await self.project_erasure.run(most=_USERS_OF_PROJECTS - waiting)
        users = await self.deletions.users(without=self.postponed.ids())
        known = {one.user for one in users}
        self._empty_since = {user: since for user, since in self._empty_since.items() if user in known}
        now = await self.safe_now()
        for one in users:
            with self.postponed.isolated(one.user or ""):
                done += await self._erase_user(one, now)
        return done

    async def _erase_user(self, one: Deletion, now: datetime) -> int:
        user = one.user or ""
        if found := await self._erase_generations(one):
            self._empty_since.pop(user, None)
            return found
        since = self._empty_since.setdefault(user, now)
        if now - since >= LATE_ARRIVALS:
            await self.accounts.sessions.delete_subject(user)
            await self.account_changes.record_user_erased(one.developer, one.project, user, cause=one.cause)
            log.info("user_erased", user_id=user)
        return 0

    async def _erase_generations(self, one: Deletion) -> int:
        """Erase up to a number of generations; return how many there were."""
        scope, done = Scope(one.project, one.user), ErasedPage()
        while True:
            page = await self.scope_erasure.erase_page(scope, done.next_cursor, grounds=one.grounds, cause=one.cause)
            done = done.and_then(page)
            if done.next_cursor is None or done.erased >= _ERASED_AT_ONCE:
                break
        if done.found and done.damaged == done.found:
            self.postponed.add(one.user or "")
        return done.found
