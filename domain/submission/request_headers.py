"""The request headers `Cancel-After` and `X-Start-Timeout`, deadlines of the client, and `Idempotency-Key`."""

import re
from datetime import timedelta
from typing import Final

from domain.errors import invalid_field

LEAST: Final = timedelta(seconds=5)
MOST: Final = timedelta(minutes=35)

_SECONDS: Final = re.compile(r"(\d{1,5})", re.ASCII)
_PARTS: Final = re.compile(r"(?=\d)(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?", re.ASCII)


def read_duration(text: str) -> timedelta | None:
    """Read `30`, `30s`, `5m` or `1h30m45s`; None for anything else, or outside of 5 seconds to 35 minutes."""
    if plain := _SECONDS.fullmatch(text):
        wait = timedelta(seconds=int(plain[1]))
    elif parts := _PARTS.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in parts.groups())
        wait = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    else:
        return None
    return wait if LEAST <= wait <= MOST else None


def parse_key(text: str, where: str, name: str) -> str:
    """Read an Idempotency-Key, quoted or bare: 1 to 255 visible ASCII characters. Raises FieldError."""
    key = text.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if 1 <= len(key) <= 255 and all("\x21" <= character <= "\x7e" for character in key):
        return key
    raise invalid_field(where, name, "must be 1 to 255 visible ASCII characters")
