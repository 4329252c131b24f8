from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from domain.generation import decisions
from domain.generation.listing import Filters, Scope
from events.envelope import Cause
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.deletions import Deletions
from store.accounts.postponed import Postponed
from store.errors import StoreUnavailableError
from store.generations.blobs import BlobStore
from store.generations.generations import Generations
from store.generations.lists import Lists
from store.generations.personal_data import PersonalDataStore
from store.webhooks.webhooks import Webhooks

LATE_ARRIVALS = timedelta(minutes=10)
"""How long an upload that was admitted before the deletion may still arrive; its row comes a little later."""

_PAGE = 100
_USERS_OF_PROJECTS = 50
"""Of the users erased at once, those of deleted projects: single users do not wait for a big project."""

_CAUSE = Cause(actor="actor:accounts")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectErasure:
    """Erase projects some time after their deletion: first their users, then their webhooks and names."""

    deletions: Deletions
    account_changes: AccountChanges
    webhooks: Webhooks
    erase_projects_after: timedelta
    postponed: Postponed
    safe_now: Callable[[], Awaitable[datetime]]

    async def run(self, *, most: int) -> int:
        """Delete at most `most` users of projects that are due; return how many.

        A project without users is erased. Repeatable, and may be interrupted anywhere.
        """
        deleted, before = 0, await self.safe_now() - self.erase_projects_after
        for developer, project in await self.deletions.projects(before, without=self.postponed.ids()):
            with self.postponed.isolated(project):
                if await self.deletions.is_empty(developer, project):
                    await self._erase(developer, project)
                elif deleted < most:
                    for user in await self.deletions.remaining_users(developer, project, limit=most - deleted):
                        await self.account_changes.delete_user(developer, project, user, cause=_CAUSE)
                        deleted += 1
        return deleted

    async def _erase(self, developer: str, project: str) -> None:
        await self.webhooks.erase_project(project, cause=_CAUSE)
        await self.account_changes.record_project_erased(developer, project, cause=_CAUSE)
        log.info("project_erased", project_id=project)


@dataclass(slots=True, kw_only=True)
class AccountErasure:
    """Erase generations, sessions and documents of deleted users. Repeatable, and may be interrupted."""

    deletions: Deletions
    account_changes: AccountChanges
    project_erasure: ProjectErasure
    accounts: Accounts
    generations: Generations
    lists: Lists
    personal_data: PersonalDataStore
    blobs: BlobStore
    postponed: Postponed
    safe_now: Callable[[], Awaitable[datetime]]
    _empty_since: dict[str, datetime] = field(default_factory=dict, init=False)

    async def run(self) -> int:
        """Do what is due; return how many users were deleted and how many generations were erased."""
        waiting = len(await self.deletions.users(limit=_USERS_OF_PROJECTS, without=self.postponed.ids()))
        done = await self.project_erasure.run(most=_USERS_OF_PROJECTS - waiting)
        users = await self.deletions.users(without=self.postponed.ids())
        known = {user for _, _, user in users}
        self._empty_since = {user: since for user, since in self._empty_since.items() if user in known}
        now = await self.safe_now()
        for developer, project, user in users:
            with self.postponed.isolated(user):
                done += await self._erase_user(developer, project, user, now)
        return done

    async def _erase_user(self, developer: str, project: str, user: str, now: datetime) -> int:
        if found := await self._erase_generations(project, user):
            self._empty_since.pop(user, None)
            return found
        since = self._empty_since.setdefault(user, now)
        if now - since >= LATE_ARRIVALS:
            await self.accounts.sessions.delete_subject(user)
            await self.account_changes.record_user_erased(developer, project, user, cause=_CAUSE)
            log.info("user_erased", user_id=user)
        return 0

    async def _erase_generations(self, project: str, user: str) -> int:
        """Erase a page of generations, or look behind pages of which none could be; return how many there were."""
        found, cursor, damaged = 0, None, 0
        while True:
            page = await self.lists.older_than(cursor, Scope(project, user), Filters(), limit=_PAGE)
            erased = [await self._erase_generation(name) for name in page.ids]
            found, cursor, damaged = found + len(erased), page.next_cursor, damaged + erased.count(None)
            if any(erased) or cursor is None:
                break
        if found and damaged == found:
            self.postponed.add(user)
        return found

    async def _erase_generation(self, generation_id: str) -> bool | None:
        """Cancel what runs; erase what is final, at the latest in a later run; None for a stream that is damaged."""
        try:
            return await self._erase_stream(generation_id)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one damaged stream must not keep the data of others
            log.warning("generation_not_erased", generation_id=generation_id, error=repr(error))
            return None

    async def _erase_stream(self, generation_id: str) -> bool:
        await self.generations.decide(generation_id, lambda g: decisions.cancel(g, erase=True), cause=_CAUSE)
        decided = await self.generations.decide(generation_id, decisions.erase, cause=_CAUSE)
        if decided is None or not decided.generation.erased:
            return False
        await self.blobs.erase(generation_id)
        await self.personal_data.erase(generation_id)
        return True
