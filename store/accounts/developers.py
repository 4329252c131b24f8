"""Load, decide, append for the streams of developers; then bring their documents up to the log.

The event comes first. A crash behind it costs time: whoever next changes the developer, or the follower of
the sealed order, completes the documents.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from weakref import WeakValueDictionary

import structlog

from domain.accounts.developer import (
    Decision,
    Developer,
    DraftKind,
    evolve,
    register,
    stream_of,
    withdraw_draft,
)
from domain.errors import ErrorCode, ExemplarError
from events.commit import Commit
from events.envelope import Cause, RecordedEvent
from store.accounts.decisions import record
from store.accounts.drafts import Stands
from store.accounts.projector import AccountProjector
from store.accounts.stale_drafts import StaleDraft
from store.commits.contract import EventStore
from store.errors import OutcomeUnknownError, StoreUnavailableError

log = structlog.get_logger()


class Developers:
    """The repository of developers. Nobody waits for its events, so the relay alone announces them."""

    def __init__(
        self, events: EventStore, projector: AccountProjector, *, clock: Callable[[], datetime]
    ) -> None:
        self._events = events
        self._projector = projector
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def begin(self, developer_id: str, *, tier: str, cause: Cause, stands: Stands) -> None:
        """Record a registration; a repeat changes nothing."""
        await self._decide(developer_id, lambda developer: register(developer, tier=tier), cause, stands)

    async def withdraw(self, draft: StaleDraft, kind: DraftKind, *, cause: Cause, stands: Stands) -> None:
        """Move the log on, so that a draft's maker cannot append without asking for it again."""

        def decision(developer: Developer | None) -> Decision:
            return withdraw_draft(developer, kind=kind, draft=draft.id, change=draft.change)

        await self._decide(draft.developer, decision, cause, stands)

    async def decide(
        self,
        developer_id: str,
        decision: Callable[[Developer], Decision],
        *,
        cause: Cause,
        stands: Stands | None = None,
    ) -> None:
        """Record what a decision wants and write it into the documents; again after a lost race.

        `stands` is asked after each look at the log: False ends it, for nothing is left to record.

        Raises ExemplarError (`not_found` for nobody, and what the decision refuses) and the store's errors;
        OutcomeUnknownError once the event may stand in the log.
        """

        def of_somebody(developer: Developer | None) -> Decision:
            if developer is None or not developer.tier:
                raise ExemplarError(ErrorCode.NOT_FOUND)
            return decision(developer)

        await self._decide(developer_id, of_somebody, cause, stands)

    async def catch_up(self, developer_id: str) -> Developer | None:
        """Write into the documents what the log says and they do not; return the developer."""
        developer = start = await self._projector.snapshot(developer_id)
        for recorded in await self._read(developer_id, start.version if start else 0):
            developer = evolve(developer, recorded)
            await self._projector.apply(developer_id, recorded)
        if developer is not None and developer is not start:
            await self._projector.keep(developer)
        return developer

    async def history(self, developer_id: str) -> list[RecordedEvent]:
        """Read every change of a developer, oldest first; [] for nobody."""
        return await self._read(developer_id, 0)

    async def _read(self, developer_id: str, after: int) -> list[RecordedEvent]:
        commits = await self._events.read(stream_of(developer_id), after=after)
        return [event for commit in commits for event in commit.events if event.version > after]

    async def _decide(
        self,
        developer_id: str,
        decision: Callable[[Developer | None], Decision],
        cause: Cause,
        stands: Stands | None = None,
    ) -> None:
        # One at a time in this process: the version decides between processes, and waiting is cheaper.
        async with self._turns.setdefault(developer_id, asyncio.Lock()):
            recorded = await record(
                stream_of(developer_id),
                decision,
                look=lambda: self.catch_up(developer_id),
                events=self._events,
                cause=cause,
                clock=self._clock,
                stands=stands,
            )
            if recorded is not None:
                await self._write(*recorded)

    async def _write(self, developer: Developer | None, commit: Commit) -> None:
        """Write what was appended a moment ago behind what the documents were caught up with."""
        try:
            for recorded in commit.events:
                developer = evolve(developer, recorded)
                await self._projector.apply(developer.id, recorded)
                log.info("account changed", developer_id=developer.id, event_id=recorded.id)
            if developer is not None:
                await self._projector.keep(developer)
        except StoreUnavailableError as error:
            raise OutcomeUnknownError(commit.id) from error
