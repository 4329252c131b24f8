"""What a crash left half-done, and what deleted users leave behind: completed, whoever began it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from domain.generation import decisions
from domain.generation.listing import Filters, Scope
from events.envelope import Cause
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.platform import PlatformChanges
from store.accounts.project_erasure import ProjectErasure
from store.accounts.records import Leaving
from store.accounts.stale_drafts import KINDS, StaleDraft, StaleDrafts
from store.generations.blobs import BlobStore
from store.generations.generations import Generations
from store.generations.lists import Lists
from store.generations.personal_data import PersonalDataStore

DRAFTS_LIVE = timedelta(minutes=2)
# An upload that was admitted before the deletion may still arrive; its row, a little later.
LATE_ARRIVALS = timedelta(minutes=10)
_PAGE = 100
# Of the hundred who are erased at a time: who leaves by himself does not wait for a big project.
_LEAVING_AT_ONCE = 50
_CAUSE = Cause(actor="actor:accounts")

log = structlog.get_logger()


class AccountSweep:
    """Complete account changes and erasures. Every round may be repeated, and stopped anywhere."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        drafts: StaleDrafts,
        changes: AccountChanges,
        platform: PlatformChanges,
        projects: ProjectErasure,
        generations: Generations,
        lists: Lists,
        personal_data: PersonalDataStore,
        blobs: BlobStore,
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._drafts = drafts
        self._changes = changes
        self._platform = platform
        self._projects = projects
        self._generations = generations
        self._lists = lists
        self._personal_data = personal_data
        self._blobs = blobs
        self._clock = clock
        self._empty_since: dict[str, datetime] = {}

    async def follow(self, developer_id: str) -> None:
        """Write into a developer's documents what the log says of him."""
        await self._changes.developers.catch_up(developer_id)

    async def follow_platform(self) -> None:
        """Write into the documents of the platform's people what the log says of them."""
        await self._platform.catch_up()

    async def round(self) -> int:
        """Do what is due; return how many drafts, users and generations were seen to."""
        return await self._withdraw_drafts() + await self._erase_users()

    async def _withdraw_drafts(self) -> int:
        """Bring old drafts into force if the log names them, else take them back."""
        seen = 0
        before = self._clock() - DRAFTS_LIVE
        for kind in KINDS:
            for draft in await self._drafts.find(kind, before):
                await self._withdraw(draft, before)
                seen += 1
        return seen

    async def _withdraw(self, draft: StaleDraft, before: datetime) -> None:
        """Mark, move the log on, delete: in this order no slow maker's event can name what is gone."""
        if draft.kind == "staff":
            await self._platform.catch_up()
        else:
            await self._changes.developers.catch_up(draft.developer)
        if not await self._drafts.mark(draft, before):
            return

        async def stands() -> bool:
            return await self._drafts.is_marked(draft)

        if draft.kind == "staff":
            await self._platform.withdraw(draft, cause=_CAUSE, stands=stands)
        else:
            await self._changes.developers.withdraw(draft, draft.kind, cause=_CAUSE, stands=stands)
        await self._drafts.delete(draft)

    async def _erase_users(self) -> int:
        room = _LEAVING_AT_ONCE - len(await self._accounts.leaving(limit=_LEAVING_AT_ONCE))
        seen = await self._projects.round(room=room)
        leaving = await self._accounts.leaving()
        self._empty_since = {
            user.user_id: self._empty_since[user.user_id]
            for user in leaving
            if user.user_id in self._empty_since
        }
        return seen + sum([await self._erase_user(user) for user in leaving])

    async def _erase_user(self, user: Leaving) -> int:
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
            await self._changes.note_erased(user.developer_id, user.project_id, user.user_id, cause=_CAUSE)
            log.info("user erased", user_id=user.user_id)
        return 0

    async def _erase_generation(self, generation_id: str) -> None:
        """Cancel what runs; erase what is over, at the latest in a later round."""
        await self._generations.decide(generation_id, lambda g: decisions.cancel(g, erase=True), cause=_CAUSE)
        decided = await self._generations.decide(generation_id, decisions.erase, cause=_CAUSE)
        if decided is not None and decided.generation.erased:
            await self._blobs.erase(generation_id)
            await self._personal_data.erase(generation_id)
