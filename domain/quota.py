"""Months, and how long a refused client should wait."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

TYPICAL_SECONDS = 30.0
"""How long a generation usually holds its slot; the estimate behind `Retry-After` of full slots."""


def period_of(moment: datetime) -> str:
    """Name the calendar month (UTC) that a unit belongs to: `2026-11`."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def seconds_to_next_period(now: datetime) -> int:
    """Count the whole seconds to the month's end, at least 1."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return max(1, ceil((following - now).total_seconds()))


def seconds_to_free_slot(held_since: Sequence[datetime], now: datetime) -> int:
    """Estimate when the first of the caller's own slots is free, at least 1 second."""
    if not held_since:
        return 1
    oldest = (now - min(held_since)).total_seconds()
    return max(1, ceil(TYPICAL_SECONDS - oldest))
