"""Pages of the log: what a request asks for, and the next commits of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain.audit.event_filter import Bounds, EventFilter, PositionRange
from domain.errors import ErrorCode, ExemplarError
from gateway.audit.event_bodies import EventBodies
from store.audit.audit_entries import AuditEntry
from store.audit.audit_log import AuditLog, ReadWindow


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """Wanted events in a range of positions of a log that ends at `head`."""

    wanted: EventFilter
    range: PositionRange
    head: int
    newest_first: bool = False
    personal_data: bool = False


@dataclass(frozen=True, slots=True)
class CommitBodies:
    """The wanted events of the commit at a position."""

    position: int
    events: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The next commits of a plan.

    reached: the position that everything up to it was read, or down to it. rest: what is left to be read now.
    closed: the page is the same for good.
    """

    commits: Sequence[CommitBodies]
    reached: int
    rest: ReadPlan | None
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPages:
    """Plan and read pages; a page holds whole commits."""

    audit_log: AuditLog
    event_bodies: EventBodies

    async def plan(
        self, wanted: EventFilter, bounds: Bounds, *, newest_first: bool = False, personal_data: bool = False
    ) -> ReadPlan:
        """Find the positions that bounds mean now; `unknown_position` for one that the log does not have yet."""
        head = await self.audit_log.head()
        if (bounds.after or 0) > head or (bounds.before or 0) > head + 1:
            raise ExemplarError(ErrorCode.UNKNOWN_POSITION)
        found = await self.audit_log.positions(bounds, head)
        return ReadPlan(wanted, found, head, newest_first, personal_data)

    async def page(self, plan: ReadPlan, *, limit: int) -> AuditPage:
        """Read at most `limit` commits. One that only newer code can read ends the page before it.

        A page that has several conditions may end before it is full, even with nothing.
        """
        first, last = plan.range.first, plan.range.last
        window = await self.audit_log.window(plan.wanted, first, last, newest_first=plan.newest_first)
        found = await self.audit_log.read(plan.wanted, window, limit=limit, newest_first=plan.newest_first)
        entries = _before_newer(found)
        is_cut, is_full = len(entries) < len(found), len(found) == limit
        more = (is_full or (window.first, window.last) != (first, last)) and not is_cut
        bodies = await asyncio.gather(
            *(self.event_bodies.write(one, plan.wanted, personal_data=plan.personal_data) for one in entries)
        )
        commits = [CommitBodies(entry.position, events) for entry, events in zip(entries, bodies, strict=True)]
        reached = _reached(plan, window, found[len(entries)] if is_cut else None, entries if is_full else ())
        all_read = not is_cut and all(entry.commit is not None and entry.owner_known for entry in entries)
        rest = _behind(plan, reached) if more else None
        closed = plan.range.closed or (more and not plan.newest_first)  # what is added may move a page backward
        return AuditPage(commits, reached, rest, closed=all_read and closed)

    async def grown(self, plan: ReadPlan, reached: int) -> ReadPlan | None:
        """Plan what was recorded behind a position since; None for nothing, or when nothing can follow."""
        head = await self.audit_log.head()
        if head <= reached or plan.range.closed:
            return None
        return replace(plan, range=PositionRange(reached + 1, head, closed=False), head=head)


def _before_newer(entries: Sequence[AuditEntry]) -> Sequence[AuditEntry]:
    newer = next((number for number, entry in enumerate(entries) if entry.newer), len(entries))
    return entries[:newer]


def _reached(plan: ReadPlan, window: ReadWindow, newer: AuditEntry | None, full: Sequence[AuditEntry]) -> int:
    """Tell how far a page reaches: to a commit of newer code, to its last commit if it is full, or to the end."""
    if newer is not None:
        return newer.position + 1 if plan.newest_first else newer.position - 1
    if full:
        return full[-1].position
    return window.first if plan.newest_first else max(window.last, plan.range.first - 1)


def _behind(plan: ReadPlan, reached: int) -> ReadPlan:
    first, last = plan.range.first, plan.range.last
    behind = (first, reached - 1) if plan.newest_first else (reached + 1, last)
    return replace(plan, range=PositionRange(*behind, plan.range.closed))
