"""Quota periods, and how long a refused client should wait."""

from datetime import UTC, datetime, timedelta
from math import ceil

LEAKED_AFTER = timedelta(minutes=2)
"""The age at which a hold without a generation is released."""

SWEPT_WITHIN = timedelta(seconds=35)
"""The longest time until the sweep, which runs every 30 seconds, releases such a hold."""


def period_of(moment: datetime) -> str:
    """Return the calendar month (UTC) of a unit: `2026-11`."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def day_of(moment: datetime) -> str:
    """Return the day (UTC) of a request: `2026-11-22`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d")


def next_period(moment: datetime) -> datetime:
    """Tell when the next calendar month (UTC) begins."""
    return (_month(moment) + timedelta(days=32)).replace(day=1)


def next_day(moment: datetime) -> datetime:
    """Tell when the next day (UTC) begins."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def seconds_of_period(moment: datetime) -> int:
    """Count the seconds of a whole calendar month (UTC)."""
    return int((next_period(moment) - _month(moment)).total_seconds())


def seconds_to_next_period(now: datetime) -> int:
    """Count the whole seconds to the month's end, at least 1."""
    return max(1, ceil((next_period(now) - now).total_seconds()))


def seconds_to_next_day(now: datetime) -> int:
    """Count the whole seconds to the day's end in UTC, at least 1."""
    return max(1, ceil((next_day(now) - now).total_seconds()))


def seconds_to_release(held_since: datetime, now: datetime) -> float:
    """Return the seconds until the sweep has surely released a hold without a generation."""
    return (max(now, held_since + LEAKED_AFTER) - now + SWEPT_WITHIN).total_seconds()


def _month(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
