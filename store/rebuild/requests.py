from collections.abc import Callable, Sequence
from datetime import datetime

from domain.operations import stream_of
from events.commit import Commit
from events.envelope import Cause, RecordedEvent
from events.operation import RebuildRequested
from store.accounts.writes import random_id
from store.commits.contract import EventStore
from store.commits.repository import Repository
from store.rebuild.runs import RebuildRuns


class RebuildRequests:
    """Ask for a rebuild of the rows: first an event, then the run that the scheduler makes."""

    def __init__(
        self,
        events: EventStore,
        rebuild_runs: RebuildRuns,
        *,
        clock: Callable[[], datetime],
        announce: Callable[[Commit], None] = lambda _: None,
    ) -> None:
        self._runs = rebuild_runs
        self._streams = Repository(events, fold=_last, announce=announce, clock=clock)

    async def request(self, *, cause: Cause) -> datetime:
        """Ask for a rebuild that begins now or later; return when that was."""
        await self._streams.append(stream_of(random_id()), 0, [RebuildRequested(model="generations")], cause=cause)
        return await self._runs.request()


def _last(recorded: Sequence[RecordedEvent]) -> RecordedEvent | None:
    return recorded[-1] if recorded else None
