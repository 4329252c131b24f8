from store.backoff import Backoff

_MOST_KEYS = 20_000


class RetryTimes:
    """Back off from repeating the same thing; kept in memory, because losing it costs a try only.

    Times are those of the monotonic clock: a step of the wall clock neither hurries nor stops anything.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._tries: dict[tuple[str, int], tuple[int, float]] = {}

    def take(self, key: tuple[str, int], now: float) -> bool:
        """Tell whether a try is due; a granted one makes the next due later."""
        tries, next_at = self._tries.get(key, (0, now))
        if next_at > now:
            return False
        if len(self._tries) >= _MOST_KEYS:
            self._tries.clear()
        self._tries[key] = (tries + 1, now + self._backoff.delay(tries + 1))
        return True
