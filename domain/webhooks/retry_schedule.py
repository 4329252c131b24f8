"""The retry schedule of webhook deliveries."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

# The pause before each attempt, the first at once: ten attempts within 75 hours.
PAUSES: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER: Final = 0.1
LONGEST_PAUSE: Final = timedelta(hours=24)


def next_attempt(
    failures: int, now: datetime, *, jitter: float, retry_after: timedelta | None, scale: float = 1.0
) -> datetime | None:
    """Return when to try again after so many failures; None when no attempt is left.

    `jitter` is in -1..1 and moves the pause by up to a tenth; a receiver's Retry-After prolongs it.
    """
    if failures >= len(PAUSES):
        return None
    pause = PAUSES[failures] * (1 + JITTER * jitter)
    requested = min(retry_after or timedelta(0), LONGEST_PAUSE)
    return now + max(pause, requested) * scale


def read_retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds or a date (RFC 9110, 10.2.3); None for anything else."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), int(LONGEST_PAUSE.total_seconds())))
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(date - now, timedelta(0))
