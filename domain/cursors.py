"""Where a reader of a wider stream stands, as text that tells nobody anything.

A sealed position counts everybody's commits, so it is encrypted; a cursor is good for one feed alone. The
construction is a synthetic initialisation vector (RFC 5297) made of HMAC-SHA256: the tag authenticates feed
and content and is the nonce of the pad.
"""

import binascii
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

_PLACE = struct.Struct(">QI")
_TAG = 12
_LENGTH = (_TAG + _PLACE.size) * 4 // 3


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """Everything before sealed `position` was read, and of the commit there the events up to `version`."""

    position: int
    version: int = 0


BEGINNING = Cursor(1)


class Cursors:
    """Write and read cursors; gateways that share the secret read each other's."""

    def __init__(self, secret: bytes) -> None:
        self._signing = hmac.digest(secret, b"cursor tag", "sha256")
        self._hiding = hmac.digest(secret, b"cursor pad", "sha256")

    def write(self, cursor: Cursor, feed: str) -> str:
        """Return 32 URL-safe characters that only `feed` can be resumed with."""
        place = _PLACE.pack(cursor.position, cursor.version)
        tag = self._tag(place, feed)
        return urlsafe_b64encode(tag + self._crossed(place, tag)).decode()

    def read(self, text: str, feed: str) -> Cursor | None:
        """Return what `write` was given; None for what is forged, mistyped or of another feed."""
        if len(text) != _LENGTH or not text.isascii():
            return None
        try:
            sealed = urlsafe_b64decode(text)
        except binascii.Error:
            return None
        if len(sealed) != _TAG + _PLACE.size:
            return None
        tag, place = sealed[:_TAG], self._crossed(sealed[_TAG:], sealed[:_TAG])
        if not hmac.compare_digest(tag, self._tag(place, feed)):
            return None
        return Cursor(*_PLACE.unpack(place))

    def _tag(self, place: bytes, feed: str) -> bytes:
        return hmac.digest(self._signing, place + feed.encode(), "sha256")[:_TAG]

    def _crossed(self, text: bytes, tag: bytes) -> bytes:
        pad = hmac.digest(self._hiding, tag, "sha256")
        return bytes(letter ^ mask for letter, mask in zip(text, pad, strict=False))
