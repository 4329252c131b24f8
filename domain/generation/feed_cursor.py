"""Cursors of event feeds.

A sealed position counts the commits of all developers, so a cursor is sealed; it is valid for one feed alone.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from domain.sealed_token import SealedTokens

_FORMAT = struct.Struct(">QI")


@dataclass(frozen=True, slots=True, order=True)
class FeedCursor:
    """A point in a feed: behind all before sealed `position`, and there behind events up to `version`."""

    position: int
    version: int = 0


BEGINNING = FeedCursor(1)


class FeedCursors:
    """Write and read cursors as text; gateways that share the secret read each other's."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._tokens = SealedTokens(secrets, "feed cursor")

    def write(self, cursor: FeedCursor, feed: str) -> str:
        """Return 32 URL-safe characters that are valid for this feed alone."""
        return self._tokens.seal(_FORMAT.pack(cursor.position, cursor.version), feed)

    def read(self, text: str, feed: str) -> FeedCursor | None:
        """Return what `write` was given; None for a forged, mistyped or foreign cursor."""
        content = self._tokens.open(text, feed)
        return None if content is None else FeedCursor(*_FORMAT.unpack(content))
