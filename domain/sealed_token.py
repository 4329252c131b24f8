"""Sealed tokens: text that reveals nothing and that only a holder of the secret can make.

A synthetic initialisation vector (RFC 5297) of HMAC-SHA256: the tag authenticates context and content and is
the nonce of the key stream.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

_TAG = 12  # bytes
_BLOCK = 32  # bytes of key stream from one HMAC
_LONGEST = 1024  # characters


class SealedTokens:
    """Seal short byte strings with the first secret, and open what any of them has sealed.

    A token opens only for its kind and its context.
    """

    def __init__(self, secrets: Sequence[bytes], kind: str) -> None:
        self._seals = [_Seal(secret, kind) for secret in secrets]

    def seal(self, content: bytes, context: str) -> str:
        """Return URL-safe text without padding: four characters for three bytes of 12 and the content."""
        return self._seals[0].seal(content, context)

    def open(self, text: str, context: str) -> bytes | None:
        """Return the content; None for a token that is forged, altered or of another kind or context."""
        if len(text) > _LONGEST or not text.isascii():
            return None
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except binascii.Error:
            return None
        opened = (seal.open(text, sealed, context) for seal in self._seals)
        return next((content for content in opened if content is not None), None)


class _Seal:
    """The keys that one secret leads to."""

    def __init__(self, secret: bytes, kind: str) -> None:
        self._tag_key = hmac.digest(secret, f"{kind} tag".encode(), "sha256")
        self._stream_key = hmac.digest(secret, f"{kind} stream".encode(), "sha256")

    def seal(self, content: bytes, context: str) -> str:
        about = context.encode()
        authenticated = len(about).to_bytes(8, "big") + about + content
        tag = hmac.digest(self._tag_key, authenticated, "sha256")[:_TAG]
        return urlsafe_b64encode(tag + self._masked(content, tag)).decode().rstrip("=")

    def open(self, text: str, sealed: bytes, context: str) -> bytes | None:
        content = self._masked(sealed[_TAG:], sealed[:_TAG])
        return content if hmac.compare_digest(text, self.seal(content, context)) else None

    def _masked(self, text: bytes, tag: bytes) -> bytes:
        starts = range(0, len(text), _BLOCK)
        stream = b"".join(hmac.digest(self._stream_key, b"%b%d" % (tag, at), "sha256") for at in starts)
        return bytes(byte ^ mask for byte, mask in zip(text, stream, strict=False))
