"""Moments as clients write them."""

import re
from datetime import datetime
from typing import Final

from events.envelope import parse_time

# A plus sign that was not escaped in a query arrives as a space.
_MOMENT: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:(Z)|([+ -])(\d\d:\d\d))", re.ASCII | re.IGNORECASE
)
EXPECTED: Final = "must be a moment with its offset (RFC 3339), such as 2026-11-20T12:00:00Z"


def parse_moment(text: str) -> datetime | None:
    """Read RFC 3339 with its offset; None for anything else, such as a number of seconds."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    moment, _, sign, offset = found.groups()
    zone = f"{sign.replace(' ', '+')}{offset}" if sign else "+00:00"
    try:
        return parse_time(moment.upper() + zone)
    except (ValueError, OverflowError):
        return None
