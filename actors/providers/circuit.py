import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from store.backoff import Backoff
from store.errors import StoreError
from store.leases.pauses import Pause, Pauses

_UNREACHABLE: Final = Backoff(first=2, longest=60)
READ_EVERY: Final = 1.0
_READ_SECONDS: Final = 1.0

log = structlog.get_logger()


@dataclass(kw_only=True)
class Circuit:
    """Stop calling a provider that refuses or throttles the account, or cannot be reached, for some time.

    What concerns the account pauses all processes: they read `pauses` at most once a second, before a call.
    """

    name: str
    pauses: Pauses
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    reason: str = field(default="", init=False)
    _until: float = field(default=0.0, init=False)
    _read_at: float | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)

    async def open_until(self, *, at_most: float = READ_EVERY) -> datetime | None:
        """Return the time until which no call is made, None while calls are made; what was read is `at_most` so old."""
        if self._left() <= 0 and (self._read_at is None or self.monotonic() - self._read_at >= at_most):
            await self._read()
        return self.clock() + timedelta(seconds=self._left()) if self._left() > 0 else None

    async def pause_account(self, reason: str, *, seconds: float) -> datetime:
        """Open the circuit of all processes; return when it closes again."""
        until = self._open(reason, seconds)
        try:
            await self.pauses.begin(self.name, Pause(reason, seconds))
        except StoreError as error:
            log.warning("pause_not_shared", error=error)
        return until

    def unreachable(self, reason: str) -> datetime:
        """Open the circuit of this process for 2 s, twice as long at each failure in a row, up to a minute."""
        self._failures += 1
        return self._open(reason, _UNREACHABLE.delay(self._failures))

    def reached(self) -> None:
        """Note an answer: failures in a row are over."""
        self._failures = 0

    def _open(self, reason: str, seconds: float) -> datetime:
        until = self.monotonic() + seconds
        if until > self._until:
            self.reason, self._until = reason, until
        return self.clock() + timedelta(seconds=self._left())

    def _left(self) -> float:
        return self._until - self.monotonic()

    async def _read(self) -> None:
        asked = self.monotonic()
        try:
            async with asyncio.timeout(_READ_SECONDS):  # a claim grows old meanwhile
                pause = await self.pauses.current(self.name)
        except (StoreError, TimeoutError) as error:
            log.warning("pause_not_read", error=error)
            return
        self._read_at = asked
        if pause is not None:
            self._open(pause.reason, pause.seconds)
