"""A few bytes as text that tells nobody anything and that nobody else can write.

The construction is a synthetic initialisation vector (RFC 5297) made of HMAC-SHA256: the tag authenticates
purpose and content and is the nonce of the pad.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

_TAG = 12


class SealedCursor:
    """Seal at most 32 bytes, of a length that is a multiple of three, for one purpose alone."""

    def __init__(self, secret: bytes, kind: str) -> None:
        self._signing = hmac.digest(secret, f"{kind} tag".encode(), "sha256")
        self._hiding = hmac.digest(secret, f"{kind} pad".encode(), "sha256")

    def write(self, content: bytes, purpose: str) -> str:
        """Return URL-safe characters without padding, four for three bytes of twelve and the content."""
        tag = self._tag(content, purpose)
        return urlsafe_b64encode(tag + self._crossed(content, tag)).decode()

    def read(self, text: str, purpose: str, *, size: int) -> bytes | None:
        """Return the `size` bytes that `write` was given; None for what is forged or for something else."""
        if len(text) != (_TAG + size) * 4 // 3 or not text.isascii():
            return None
        try:
            sealed = urlsafe_b64decode(text)
        except binascii.Error:
            return None
        if len(sealed) != _TAG + size:
            return None
        tag, content = sealed[:_TAG], self._crossed(sealed[_TAG:], sealed[:_TAG])
        return content if hmac.compare_digest(tag, self._tag(content, purpose)) else None

    def _tag(self, content: bytes, purpose: str) -> bytes:
        return hmac.digest(self._signing, content + purpose.encode(), "sha256")[:_TAG]

    def _crossed(self, text: bytes, tag: bytes) -> bytes:
        pad = hmac.digest(self._hiding, tag, "sha256")
        return bytes(letter ^ mask for letter, mask in zip(text, pad, strict=False))
