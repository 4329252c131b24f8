from dataclasses import dataclass
from datetime import datetime, timedelta

_FORGET = 20_000


@dataclass(frozen=True, slots=True)
class _Try:
    count: int
    next_at: datetime


class Backoff:
    """Space out tries of the same thing: `first`, then doubling up to `longest`.

    It is kept in memory only: forgetting it costs a try, never a generation.
    """

    def __init__(self, *, first: timedelta, longest: timedelta) -> None:
        self._first = first
        self._longest = longest
        self._tries: dict[tuple[str, int], _Try] = {}

    def may(self, key: tuple[str, int], now: datetime) -> bool:
        """Ask for a try; when granted, the next one is due later."""
        before = self._tries.get(key)
        if before is not None and before.next_at > now:
            return False
        count = before.count + 1 if before else 0
        if len(self._tries) >= _FORGET:
            self._tries.clear()
        # 2**16 first steps are longer than any `longest`; the bound keeps the number small.
        wait = min(self._first * 2 ** min(count, 16), self._longest)
        self._tries[key] = _Try(count, now + wait)
        return True
