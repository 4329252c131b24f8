"""Months and days, and how long a refused client should wait."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

LEAKED_AFTER = timedelta(minutes=2)
"""The age at which a hold whose generation never came to be is given back."""

SWEPT_WITHIN = timedelta(seconds=35)
"""How long at most after that the sweep comes by: it looks every 30 seconds."""

TYPICAL_SECONDS = 30.0
"""How long a generation holds its slot as long as none was seen to the end."""

_SURE = 0.995
"""The share of slots that must be free after the wait; more than the 99 in 100 that are promised."""

_SPREAD = 12
"""How far the longest of too few examples is stretched; the fewer, the further."""


def period_of(moment: datetime) -> str:
    """Name the calendar month (UTC) that a unit belongs to: `2026-11`."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def day_of(moment: datetime) -> str:
    """Name the day (UTC) that a request belongs to: `2026-11-22`."""
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
    """Estimate when one of the caller's own slots is surely free, at least 1 second.

    `durations`: for how many seconds generations that ended lately held theirs. `orphans`: since when slots
    are held for which there is no generation: whoever held them has died, and the sweep frees them.
    """
    left = [_longest_left((now - since).total_seconds(), durations) for since in held_since]
    ages = [(now - since).total_seconds() for since in orphans]
    left += [_left_to_sweep(age) for age in ages]
    return max(1, ceil(min(left, default=1)))


def _left_to_sweep(age: float) -> float:
    """Bound how much longer a hold without a generation lasts; an old one goes with the next sweep."""
    return max(0.0, LEAKED_AFTER.total_seconds() - age) + SWEPT_WITHIN.total_seconds()


def _longest_left(age: float, durations: Sequence[float]) -> float:
    """Bound how much longer a slot of this age is held, by those that were held even longer.

    Of n such examples the k-th shortest bounds the next one with probability k / (n + 1), however they
    are distributed. Where n is too small for the wanted certainty, the longest is stretched.
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
