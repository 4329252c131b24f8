"""The rate that a transfer must keep up, in whatever clock its owner counts."""

from collections import deque

_STEP = 0.05  # of the window: transfers of so much time are one entry


class LeastRate:
    """Tell by when a transfer falls behind `rate` bytes a second, measured over the last `window` seconds.

    It may be slower in its first window.
    """

    def __init__(self, rate: int, window: float, *, now: float = 0.0) -> None:
        self._needed = rate * window
        self._window = window
        self._began = now
        self._recent: deque[tuple[float, int]] = deque()

    def note(self, now: float, size: int) -> None:
        """Note that `size` bytes were transferred."""
        recent = self._recent
        while recent and recent[0][0] <= now - self._window:
            recent.popleft()
        if recent and now - recent[-1][0] < self._window * _STEP:
            moment, before = recent.pop()
            recent.append((moment, before + size))
        elif size:
            recent.append((now, size))

    @property
    def deadline(self) -> float:
        """Return the moment at which the transfer is too slow unless more bytes come."""
        total = 0
        for moment, size in reversed(self._recent):
            total += size
            if total >= self._needed:
                return moment + self._window
        return self._began + self._window
