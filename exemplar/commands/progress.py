import sys
import time
from dataclasses import dataclass
from typing import Self

_EVERY_S = 1.0
_CLEAR = "\r\x1b[K"


@dataclass(slots=True)
class Progress:
    """Print progress to standard error about once a second; on a terminal as a bar, which is gone at the end."""

    printed_at: float = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.printed_at and sys.stderr.isatty():
            sys.stderr.write(_CLEAR)

    def __call__(self, noun: str, done: int, whole: int) -> None:
        if time.monotonic() - self.printed_at < _EVERY_S:
            return
        self.printed_at = time.monotonic()
        if sys.stderr.isatty():
            sys.stderr.write(f"{_CLEAR}{_bar(done, whole)} {done} of {whole} {noun}")
        else:
            sys.stderr.write(f"{done} of {whole} {noun}\n")
        sys.stderr.flush()


def _bar(done: int, whole: int, width: int = 24) -> str:
    filled = min(width, width * done // max(1, whole))
    return f"[{'#' * filled}{' ' * (width - filled)}]"
