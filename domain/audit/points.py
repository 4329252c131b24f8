"""Points of the past: a version, or a moment of recording."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.moments import parse_moment

Point = int | datetime
"""A version (of a stream; of the log: a position), or a moment: all that was recorded by then is included."""

EXPECTED: Final = "must be a version, such as 3, or a moment with its offset (RFC 3339), such as 2026-11-20T12:00:00Z"

_VERSION: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_STEP: Final = timedelta(milliseconds=1)


def parse_point(text: str) -> Point | None:
    """Read a version or a moment; None for anything else."""
    return int(text) if _VERSION.fullmatch(text) else parse_moment(text)


def end_of(moment: datetime) -> datetime:
    """Return the first time of recording, which is kept in whole milliseconds, that lies behind a moment."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000) + _STEP


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a point was found: `version` of the stream, None for the quota; position and time of its last commit.

    Both are None before the first commit, and for one that is not sealed yet.
    """

    position: int | None
    recorded_at: datetime | None
    version: int | None = None


def require_known(point: Point | None, *, last: int, now: datetime) -> None:
    """Raise `unknown_position` for a version behind the last one and for a moment that has not come."""
    if isinstance(point, datetime):
        if point > now:
            raise ExemplarError(ErrorCode.UNKNOWN_POSITION, "This moment has not come yet")
    elif point is not None and point > last:
        raise ExemplarError(ErrorCode.UNKNOWN_POSITION, f"There is no version {point}: the last one is {last}")


def require_order(since: int, until: int) -> None:
    """Raise `invalid_request` when a difference would go back."""
    if since > until:
        raise invalid_field("query", "since", "must not lie behind as_of")
