"""What a member of staff read of the log: the folded last accesses, and the decision to record another one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from events.access import LogRead
from events.envelope import RecordedEvent
from events.event import Event

PAGE_WALK: Final = timedelta(hours=1)
"""How long pages of one query belong to one walk."""


@dataclass(frozen=True, slots=True)
class RecentAccesses:
    """The last accesses of one reader with their times."""

    version: int
    accesses: tuple[tuple[datetime, LogRead], ...]


_PREFIX: Final = "access-"


def stream_of(reader: str) -> str:
    return f"{_PREFIX}{reader}"


def is_access(stream: str) -> bool:
    return stream.startswith(_PREFIX)


def fold(events: Iterable[RecordedEvent]) -> RecentAccesses | None:
    """Fold the end of a stream, in order; None for no events."""
    recorded = list(events)
    if not recorded:
        return None
    return RecentAccesses(recorded[-1].version, tuple((one.time, cast("LogRead", one.event)) for one in recorded))


def record(recent: RecentAccesses | None, access: LogRead, now: datetime) -> Sequence[Event]:
    """Record an access; `[]` for another page of a walk that was recorded."""
    known = recent.accesses if recent is not None and access.form == "page_walk" else ()
    return [] if any(one == access and timedelta() <= now - time < PAGE_WALK for time, one in known) else [access]
