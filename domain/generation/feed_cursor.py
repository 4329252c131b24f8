"""Where a reader of a wider stream stands, as text that tells nobody anything.

A sealed position counts everybody's commits, so it is encrypted; a cursor is good for one feed alone.
"""

import struct
from dataclasses import dataclass

from domain.sealed_cursor import SealedCursor

_PLACE = struct.Struct(">QI")


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """Everything before sealed `position` was read, and of the commit there the events up to `version`."""

    position: int
    version: int = 0


BEGINNING = Cursor(1)


class Cursors:
    """Write and read cursors; gateways that share the secret read each other's."""

    def __init__(self, secret: bytes) -> None:
        self._seal = SealedCursor(secret, "cursor")

    def write(self, cursor: Cursor, feed: str) -> str:
        """Return 32 URL-safe characters that only `feed` can be resumed with."""
        return self._seal.write(_PLACE.pack(cursor.position, cursor.version), feed)

    def read(self, text: str, feed: str) -> Cursor | None:
        """Return what `write` was given; None for what is forged, mistyped or of another feed."""
        place = self._seal.read(text, feed, size=_PLACE.size)
        return None if place is None else Cursor(*_PLACE.unpack(place))
