from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import structlog

_NOTICEABLE = timedelta(minutes=1)

log = structlog.get_logger()


class ProviderClock:
    """The provider's clock, as the `Date` of its last response told it; from then on by the monotonic clock."""

    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._told: tuple[datetime, float] | None = None
        self._differs = False

    def learn(self, date: str | None) -> None:
        """Read the header `Date` of a response; ignore one that is missing or damaged."""
        try:
            told = parsedate_to_datetime(date or "")
            offset = told - self._clock()
        except (TypeError, ValueError):
            return
        self._told = told, self._monotonic()
        if abs(offset) > _NOTICEABLE and not self._differs:
            log.warning("provider_clock_differs", seconds=round(offset.total_seconds()))
        self._differs = abs(offset) > _NOTICEABLE

    def now(self) -> datetime | None:
        """Return the time there; None before the first response."""
        if self._told is None:
            return None
        told, at = self._told
        return told + timedelta(seconds=self._monotonic() - at)

    def bounds(self, moment: datetime) -> tuple[datetime, datetime]:
        """Return a time of our clock and the same time there, the earlier one first.

        The same time there is right unless our clock was set since; then `moment` is, if our clock was right before.
        """
        there = self.now()
        same = moment if there is None else moment + (there - self._clock())
        return min(moment, same), max(moment, same)
