"""The clock of the tests."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that stands at `start`, or runs with the real time if that is None; tests move it."""

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return (self._start or datetime.now(UTC)) + self.ahead

    def forward(self, **span: float) -> datetime:
        """Move by a timedelta's keywords; return the new time."""
        self.ahead += timedelta(**span)
        return self()

    def set(self, time: datetime) -> None:
        """Move to a time; a running clock goes on from there."""
        self.ahead += time - self()
