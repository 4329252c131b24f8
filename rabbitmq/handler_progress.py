import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class HandlerProgress:
    """Whether the handlers of a process get on: one of them ends now and then, however long each waits for others."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._begun: dict[object, float] = {}
        self._last_end = monotonic()

    @contextmanager
    def handling(self) -> Iterator[None]:
        """Count a handler as running inside the block."""
        handler = object()
        self._begun[handler] = self._monotonic()
        try:
            yield
        finally:
            del self._begun[handler]
            self._last_end = self._monotonic()

    def stalled_seconds(self) -> float:
        """Return for how many seconds handlers run while none of them ends; 0 while none runs."""
        now = self._monotonic()
        return now - max(self._last_end, min(self._begun.values(), default=now))
