from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.operations import stream_of
from events.commit import Commit
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.operation import DiscardReason, FailedSource, FailedWorkDiscarded, FailedWorkReplayed
from store.accounts.writes import random_id
from store.commits.contract import EventStore
from store.commits.repository import Repository
from store.failed.dead_letters import DeadLetters
from store.failed.failed_work import FailedWork, FailedWorkStore
from store.failed.parked_work import ParkedWork

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries: some by their ids, else the first `most` by id, of one handler or of all."""

    ids: Sequence[str] | None = None
    handler: str | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Discarding:
    """Why entries are given up."""

    reason: DiscardReason
    case: str | None


class FailedWorkActions:
    """Replay or discard failed work: first an event that names up to a hundred entries, then the entries.

    A process that dies in between leaves entries as they were, for the next request.
    """

    def __init__(
        self,
        events: EventStore,
        parked_work: ParkedWork,
        dead_letters: DeadLetters,
        *,
        clock: Callable[[], datetime],
        announce: Callable[[Commit], None] = lambda _: None,
    ) -> None:
        self._stores: dict[FailedSource, FailedWorkStore] = {"parked": parked_work, "dead_letter": dead_letters}
        self._streams = Repository(events, fold=_last, announce=announce, clock=clock)

    def store(self, source: FailedSource) -> FailedWorkStore:
        return self._stores[source]

    async def replay(self, source: FailedSource, selection: Selection, *, cause: Cause) -> Sequence[str]:
        """Have entries tried again within seconds; return their ids."""

        def event(entries: tuple[str, ...]) -> Event:
            return FailedWorkReplayed(source=source, entries=entries)

        return await self._act(source, selection, event, cause, None)

    async def discard(
        self, source: FailedSource, selection: Selection, discarding: Discarding, *, cause: Cause
    ) -> Sequence[str]:
        """Have entries not tried any more; return their ids."""

        def event(entries: tuple[str, ...]) -> Event:
            return FailedWorkDiscarded(source=source, entries=entries, reason=discarding.reason, case=discarding.case)

        return await self._act(source, selection, event, cause, discarding)

    async def _act(
        self,
        source: FailedSource,
        selection: Selection,
        event: Callable[[tuple[str, ...]], Event],
        cause: Cause,
        discarding: Discarding | None,
    ) -> Sequence[str]:
        store, stream = self._stores[source], stream_of(random_id())
        done: list[str] = []
        version = 0
        while entries := await self._next(store, selection, done):
            ids = tuple(entry.id for entry in entries)
            commit = await self._streams.append(stream, version, [event(ids)], cause=cause)
            version = commit.last
            if discarding is None:
                await store.replay(ids)
            else:
                await store.discard(ids, commit.events[-1].id)
            done += ids
            if selection.ids is not None:
                break
        return done

    async def _next(self, store: FailedWorkStore, selection: Selection, done: list[str]) -> Sequence[FailedWork]:
        if selection.ids is not None:
            return await store.choose(selection.ids)
        left = PAGE if selection.most is None else min(PAGE, selection.most - len(done))
        after = done[-1] if done else None
        return await store.page(limit=left, after=after, handler=selection.handler) if left > 0 else []


def _last(recorded: Sequence[RecordedEvent]) -> RecordedEvent | None:
    return recorded[-1] if recorded else None
