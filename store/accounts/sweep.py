"""What a crash left half-done, and what deleted users leave behind: completed, whoever began it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from domain import road
from domain.listing import Filters, Scope
from events.envelope import Cause
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.drafts import KINDS, AccountDrafts
from store.accounts.records import Leaving
from store.generations.blobs import BlobStore
from store.generations.generations import Generations
from store.generations.lists import Lists
from store.generations.words import WordsStore

DRAFTS_LIVE = timedelta(minutes=30)
# An upload that was admitted before the deletion may still arrive; its row, a little later.
LATE_ARRIVALS = timedelta(minutes=10)
_PAGE = 100
_CAUSE = Cause(actor="actor:accounts")

log = structlog.get_logger()


class AccountSweep:
    """Complete account changes and erasures. Every round may be repeated, and stopped anywhere."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        drafts: AccountDrafts,
        changes: AccountChanges,
        generations: Generations,
        lists: Lists,
        words: WordsStore,
        blobs: BlobStore,
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._drafts = drafts
        self._changes = changes
        self._generations = generations
        self._lists = lists
        self._words = words
        self._blobs = blobs
        self._clock = clock
        self._empty_since: dict[str, datetime] = {}

    async def follow(self, developer_id: str) -> None:
        """Write into a developer's documents what the log says of him."""
        await self._changes.developers.catch_up(developer_id)

    async def round(self) -> int:
        """Do what is due; return how many drafts and generations were seen to."""
        return await self._withdraw_drafts() + await self._erase_users()

    async def _withdraw_drafts(self) -> int:
        """Bring old drafts into force if the log names them, else take them back."""
        seen = 0
        for kind in KINDS:
            for developer_id, draft_id in await self._drafts.stale(kind, self._clock() - DRAFTS_LIVE):
                await self._changes.developers.catch_up(developer_id)
                await self._drafts.withdraw(kind, draft_id)
                seen += 1
        return seen

    async def _erase_users(self) -> int:
        leaving = await self._accounts.leaving()
        self._empty_since = {
            user.user_id: self._empty_since[user.user_id]
            for user in leaving
            if user.user_id in self._empty_since
        }
        return sum([await self._erase_user(user) for user in leaving])

    async def _erase_user(self, user: Leaving) -> int:
        scope = Scope(user.project_id, user.user_id)
        rows = (await self._lists.behind(None, scope, Filters(), limit=_PAGE)).rows
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
        await self._generations.decide(generation_id, lambda g: road.cancel(g, erase=True), cause=_CAUSE)
        decided = await self._generations.decide(generation_id, road.erase, cause=_CAUSE)
        if decided is not None and decided.generation.erased:
            await self._blobs.erase(generation_id)
            await self._words.erase(generation_id)
