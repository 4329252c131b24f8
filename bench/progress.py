import sys
import time

_BEGAN = time.monotonic()


def say(text: str) -> None:
    """Write a line about the run so far to standard error."""
    sys.stderr.write(f"[{time.monotonic() - _BEGAN:5.0f} s] {text}\n")
    sys.stderr.flush()
