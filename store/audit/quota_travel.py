from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from typing import Final

from domain.accounts.developer import stream_of
from domain.audit.differences import Difference
from domain.audit.points import Point, Reached, end_of, require_known, require_order
from domain.audit.quota_state import QuotaState
from domain.audit.subjects import View
from domain.audit.terms import term
from domain.errors import ErrorCode, ExemplarError
from events.envelope import RecordedEvent
from store.audit.audit_entries import AuditEntry
from store.audit.audit_log import AuditLog
from store.commits.unreadable import UNREADABLE
from store.log.first_commits import first_commit

_PAGE: Final = 200


class QuotaTravel:
    """Show a developer's quota as of a position of the log or a moment, counted from the log alone."""

    def __init__(self, audit_log: AuditLog, clock: Callable[[], datetime]) -> None:
        self._audit_log = audit_log
        self._clock = clock

    async def require(self, developer: str) -> None:
        """Raise `not_found` unless the log has the developer."""
        if await self._audit_log.entry_of(first_commit(stream_of(developer))) is None:
            raise ExemplarError(ErrorCode.NOT_FOUND, "There is no such developer")

    async def at(self, developer: str, point: Point | None) -> tuple[Reached, View | None]:
        """Show the quota as of a point, without one as of now; None where the developer did not exist.

        Reads the developer's commits up to it, in batches. Raises `unknown_position`.
        """
        reached, position = await self._reach(point)
        return reached, (await self._counted(developer, position)).view()

    async def difference(
        self, developer: str, since: Point, until: Point | None
    ) -> tuple[Reached, Reached, Difference]:
        """Compare two points."""
        (start, first), (end, last) = await self._reach(since), await self._reach(until)
        require_order(first, last)
        state = await self._counted(developer, first)
        difference = Difference.of(state.view())
        async for recorded in self._walk(state, first, last):
            difference.add(recorded, state.view())
        return start, end, difference

    async def _counted(self, developer: str, position: int) -> QuotaState:
        state = QuotaState(developer)
        async for _ in self._walk(state, 0, position):
            pass
        return state

    async def _reach(self, point: Point | None) -> tuple[Reached, int]:
        head = await self._audit_log.head()
        require_known(point, last=head, now=self._clock())
        if isinstance(point, datetime):
            position = await self._audit_log.position_at(end_of(point), head) - 1
        else:
            position = head if point is None else point
        return Reached(position, await self._audit_log.sealed_at(position)), position

    async def _walk(self, state: QuotaState, after: int, last: int) -> AsyncIterator[RecordedEvent]:
        """Apply the developer's commits behind a position; yield each event that was applied."""
        while page := await self._audit_log.of_account(state.developer_id, after, last, limit=_PAGE):
            for entry in page:
                if term("developer", state.developer_id) not in entry.terms:
                    continue  # somebody has added the term
                for recorded in _apply(state, entry):
                    yield recorded
            after = page[-1].position


def _apply(state: QuotaState, entry: AuditEntry) -> Iterator[RecordedEvent]:
    """Apply the events of a commit, one at a time; leave out a stream that cannot be read."""
    stream = entry.name.rpartition(":")[0]
    if entry.commit is None:
        state.skip(stream)
        return
    for recorded in entry.commit.events:
        try:
            state.add(recorded)
        except UNREADABLE:
            state.skip(stream)
            return
        yield recorded
