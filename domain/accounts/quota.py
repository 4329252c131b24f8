"""Quota periods, and how long a refused client should wait."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

LEAKED_AFTER = timedelta(minutes=2)
"""The age at which a hold without a generation is released."""

SWEPT_WITHIN = timedelta(seconds=35)
"""The longest time until the sweep, which runs every 30 seconds, releases such a hold."""

TYPICAL_SECONDS = 30.0
"""How long a generation is assumed to hold its slot before one was seen to end."""

_SURE = 0.995
"""The probability that a slot is free after the wait; more than the promised 99 %."""

_SPREAD = 12
"""How far the longest duration is extended when there are few; the fewer, the further."""


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


def seconds_to_free_slot(
    held_since: Sequence[datetime],
    now: datetime,
    durations: Sequence[float] = (),
    *,
    orphans: Sequence[datetime] = (),
) -> int:
    """Estimate the seconds until one of the developer's slots is free, at least 1.

    `durations`: seconds that recently ended generations held their slots. `orphans`: since when slots are
    held without a generation; the sweep releases them.
    """
    left = [_longest_left((now - since).total_seconds(), durations) for since in held_since]
    left += [(max(now, since + LEAKED_AFTER) - now + SWEPT_WITHIN).total_seconds() for since in orphans]
    return max(1, ceil(min(left, default=1)))


def _longest_left(age: float, durations: Sequence[float]) -> float:
    """Return how much longer a slot of this age is held at most, by those that were held longer.

    Of n such durations the k-th shortest bounds the next one with probability k / (n + 1), for any
    distribution. Where n is too small for the wanted probability, the longest is extended.
    """
    longer = sorted(duration for duration in durations if duration > age)
    if not longer:
        return TYPICAL_SECONDS - age if not durations and age < TYPICAL_SECONDS else 2 * age
    rank = ceil(_SURE * (len(longer) + 1))
    if rank <= len(longer):
        return longer[rank - 1] - age
    return longer[-1] * (1 + _SPREAD / (len(longer) + 4)) - age


def _month(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
