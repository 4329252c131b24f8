from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.audit.differences import Difference, between
from domain.audit.points import Point, Reached, end_of, require_known, require_order
from domain.audit.subjects import Kind, View, erased_in
from domain.errors import ErrorCode, ExemplarError
from events.commit import Commit
from events.envelope import RecordedEvent
from store.audit.audit_log import AuditLog
from store.commits.contract import EventStore


@dataclass(frozen=True, slots=True)
class StreamPast:
    """One stream as it is now; `owner` holds the ids of whom it belongs to."""

    kind: Kind
    commits: Sequence[Commit]
    events: Sequence[RecordedEvent]
    owner: Mapping[str, str]


class StreamTravel:
    """Show a generation, an endpoint or a developer as of a point."""

    def __init__(self, events: EventStore, audit_log: AuditLog, clock: Callable[[], datetime]) -> None:
        self._events = events
        self._audit_log = audit_log
        self._clock = clock

    async def load(self, kind: Kind, name: str) -> StreamPast:
        """Read a stream; `not_found` when there is none, DamagedCommitError for a commit that is not as sealed."""
        commits = await self._events.read(kind.stream_of(name))
        if not commits:
            raise ExemplarError(ErrorCode.NOT_FOUND, f"There is no such {kind.name}")
        await self._audit_log.require_sealed(commits)
        events = [event for commit in commits for event in commit.events]
        return StreamPast(kind, commits, events, kind.owner_in(events[0]))

    async def at(self, past: StreamPast, point: Point | None) -> tuple[Reached, View | None]:
        """Show the stream as of a point, without one as it is now; None where it did not exist.

        Raises `unknown_position` for a version that it does not have and for the future.
        """
        reached, version = await self._reach(past, point)
        return reached, past.kind.view_of(past.events[:version], erased_in(past.events))

    async def difference(
        self, past: StreamPast, since: Point, until: Point | None
    ) -> tuple[Reached, Reached, Difference]:
        """Compare two points."""
        (start, first), (end, last) = await self._reach(past, since), await self._reach(past, until)
        require_order(first, last)
        return start, end, between(past.kind, past.events, first, last)

    async def _reach(self, past: StreamPast, point: Point | None) -> tuple[Reached, int]:
        require_known(point, last=len(past.events), now=self._clock())
        if isinstance(point, datetime):
            version = await self._version_at(past.commits, end_of(point))
        else:
            version = len(past.events) if point is None else point
        commit = next((one for one in past.commits if one.first <= version <= one.last), None)
        entry = None if commit is None else await self._audit_log.entry_of(commit.id)
        position, recorded_at = entry or (None, None)
        return Reached(position, recorded_at, version), version

    async def _version_at(self, commits: Sequence[Commit], end: datetime) -> int:
        """Find the last version that was recorded before `end`: times never decrease along a stream."""
        low, high = 0, len(commits)
        while low < high:
            middle = (low + high) // 2
            entry = await self._audit_log.entry_of(commits[middle].id)
            if entry is not None and entry[1] < end:
                low = middle + 1
            else:
                high = middle
        return commits[low - 1].last if low else 0
