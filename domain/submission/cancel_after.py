"""The request header `Cancel-After`: how long the client waits for a result."""

import re
from datetime import timedelta
from typing import Final

LEAST: Final = timedelta(seconds=5)
MOST: Final = timedelta(minutes=35)

_SECONDS: Final = re.compile(r"(\d{1,5})", re.ASCII)
_PARTS: Final = re.compile(r"(?=\d)(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?", re.ASCII)


def read_cancel_after(text: str) -> timedelta | None:
    """Read `30`, `30s`, `5m` or `1h30m45s`; None for anything else, or outside of 5 seconds to 35 minutes."""
    if plain := _SECONDS.fullmatch(text):
        wait = timedelta(seconds=int(plain[1]))
    elif parts := _PARTS.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in parts.groups())
        wait = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    else:
        return None
    return wait if LEAST <= wait <= MOST else None
