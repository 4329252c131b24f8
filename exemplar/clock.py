from datetime import UTC, datetime


def now() -> datetime:
    """Return the time: the one clock of every process."""
    return datetime.now(UTC)
