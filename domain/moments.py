"""Moments in queries: RFC 3339 with an offset."""

import re
from datetime import datetime
from typing import Final

from events.envelope import parse_time

# A plus sign that was not escaped arrives as a space.
_MOMENT: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:(Z)|([+ -])(\d\d:\d\d))", re.ASCII | re.IGNORECASE
)
MOMENT_RULE: Final = "must be a moment with its offset (RFC 3339), such as 2026-11-20T12:00:00Z"


def parse_moment(text: str) -> datetime | None:
    """Parse a moment into an aware UTC datetime; None for other text."""
    if found := _MOMENT.fullmatch(text):
        moment, _, sign, offset = found.groups()
        zone = f"{sign.replace(' ', '+')}{offset}" if sign else "+00:00"
        try:
            return parse_time(moment.upper() + zone)
        except (ValueError, OverflowError):
            pass
    return None
