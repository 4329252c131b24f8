from collections.abc import Callable
from datetime import datetime, timedelta

from store.backoff import Backoff

_UNREACHABLE = Backoff(first=2, longest=60)


class Circuit:
    """Stop calling a provider that refuses the account or cannot be reached, for some time."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._until: datetime | None = None
        self._failures = 0
        self.reason = ""

    @property
    def open_until(self) -> datetime | None:
        """The time until which no call is made; None while calls are made."""
        if self._until is not None and self._until <= self._clock():
            self._until = None
        return self._until

    def trip(self, reason: str, *, seconds: float) -> datetime:
        """Open the circuit; return when it closes again."""
        self.reason = reason
        self._until = self._clock() + timedelta(seconds=seconds)
        return self._until

    def trip_longer(self, reason: str) -> datetime:
        """Open the circuit for 2 s, twice as long at each failure in a row, up to a minute."""
        self._failures += 1
        return self.trip(reason, seconds=_UNREACHABLE.delay(self._failures))

    def reached(self) -> None:
        """Note an answer: failures in a row are over."""
        self._failures = 0
