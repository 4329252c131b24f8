import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self


class Clock:
    """The clock of a test: fixed at `start`, or running with the real time if that is None.

    `forward` lets time pass; `step` sets the wall clock alone.
    """

    def __init__(self, start: datetime | None = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)) -> None:
        self._start = start
        self.ahead = timedelta()
        self._passed = 0.0

    @classmethod
    def running(cls) -> Self:
        """Make a clock that runs with the real time."""
        return cls(None)

    def __call__(self) -> datetime:
        return (self._start or datetime.now(UTC)) + self.ahead

    @property
    def now(self) -> datetime:
        return self()

    @now.setter
    def now(self, time: datetime) -> None:
        self.ahead += time - self()

    def forward(self, **span: float) -> datetime:
        """Move by a timedelta's keywords; return the new time."""
        self._passed += timedelta(**span).total_seconds()
        return self.step(**span)

    def step(self, **span: float) -> datetime:
        """Set the wall clock ahead or back by a timedelta's keywords; return the new time."""
        self.ahead += timedelta(**span)
        return self()

    def monotonic(self) -> float:
        """Return the seconds that have passed since some moment, whatever the wall clock shows."""
        return self._passed + (time.monotonic() if self._start is None else 0.0)


@dataclass
class Monotonic:
    """A monotonic clock of a test, in seconds."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now
