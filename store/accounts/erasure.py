"""Erasure of the data of deleted users."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from domain.generation import decisions
from domain.generation.listing import Filters, Scope
from events.envelope import Cause
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.deletions import DeletedUser, Deletions
from store.accounts.project_erasure import ProjectErasure
from store.generations.blobs import BlobStore
from store.generations.generations import Generations
from store.generations.lists import Lists
from store.generations.personal_data import PersonalDataStore

LATE_ARRIVALS = timedelta(minutes=10)
"""How long an upload that was admitted before the deletion may still arrive; its row comes a little later."""

_PAGE = 100
_USERS_OF_PROJECTS = 50
"""Of the users erased at once, those of deleted projects: single users do not wait for a big project."""

_CAUSE = Cause(actor="actor:accounts")

log = structlog.get_logger()


class AccountErasure:
    """Erase generations, sessions and documents of deleted users. Repeatable, and may be interrupted."""

    def __init__(
        self,
        *,
        deletions: Deletions,
        account_changes: AccountChanges,
        project_erasure: ProjectErasure,
        accounts: Accounts,
        generations: Generations,
        lists: Lists,
        personal_data: PersonalDataStore,
        blobs: BlobStore,
        clock: Callable[[], datetime],
    ) -> None:
        self._deletions = deletions
        self._changes = account_changes
        self._project_erasure = project_erasure
        self._accounts = accounts
        self._generations = generations
        self._lists = lists
        self._personal_data = personal_data
        self._blobs = blobs
        self._clock = clock
        self._empty_since: dict[str, datetime] = {}

    async def run(self) -> int:
        """Do what is due; return how many users were deleted and how many generations were erased."""
        waiting = len(await self._deletions.users(limit=_USERS_OF_PROJECTS))
        done = await self._project_erasure.run(most=_USERS_OF_PROJECTS - waiting)
        users = await self._deletions.users()
        known = {user.user_id for user in users}
        self._empty_since = {user: since for user, since in self._empty_since.items() if user in known}
        return done + sum([await self._erase_user(user) for user in users])

    async def _erase_user(self, user: DeletedUser) -> int:
        scope = Scope(user.project_id, user.user_id)
        rows = (await self._lists.older_than(None, scope, Filters(), limit=_PAGE)).rows
        for row in rows:
            await self._erase_generation(row.id)
        if rows:
            self._empty_since.pop(user.user_id, None)
            return len(rows)
        since = self._empty_since.setdefault(user.user_id, self._clock())
        if self._clock() - since >= LATE_ARRIVALS:
            await self._accounts.sessions.forget_subject(user.user_id)
            await self._changes.record_user_erased(
                user.developer_id, user.project_id, user.user_id, cause=_CAUSE
            )
            log.info("user_erased", user_id=user.user_id)
        return 0

    async def _erase_generation(self, generation_id: str) -> None:
        """Cancel what runs; erase what is final, at the latest in a later run."""
        await self._generations.decide(generation_id, lambda g: decisions.cancel(g, erase=True), cause=_CAUSE)
        decided = await self._generations.decide(generation_id, decisions.erase, cause=_CAUSE)
        if decided is not None and decided.generation.erased:
            await self._blobs.erase(generation_id)
            await self._personal_data.erase(generation_id)
