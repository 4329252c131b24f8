"""Absolute links, and the signature that lets a picture be fetched without a token."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from aiohttp import web

PREFIX = "/api/v1/generation/generations-v2"
_HOUR = 3600
_LIFETIME = 24 * _HOUR

PictureKind = Literal["images", "examples"]


class Links:
    """Write and check links; a signed one lives 24 hours, counted from the last full hour."""

    def __init__(self, public_url: str | None, secret: bytes) -> None:
        self._public_url = public_url.rstrip("/") if public_url else None
        self._secret = secret

    def base(self, request: web.Request) -> str:
        """Return the base of absolute links: as configured, else as the client called us."""
        return self._public_url or f"{request.scheme}://{request.host}"

    def urls(self, base: str, generation_id: str) -> dict[str, str]:
        """Name everything that belongs to a generation; the same at every time."""
        own = f"{base}{PREFIX}/{generation_id}"
        return {
            "self": own,
            "status": f"{own}/status",
            "events": f"{own}/events",
            "cancel": f"{own}/cancel",
            "retry": f"{own}/retry",
            "explain": f"{own}/explain",
            "image": f"{own}/image",
            "web": own,
        }

    def picture(self, base: str, generation_id: str, kind: PictureKind, number: int, now: datetime) -> str:
        """Write the signed address of one picture, numbered from 0."""
        return (
            f"{base}{PREFIX}/{generation_id}/{kind}/{number}?{self._signed(generation_id, kind, number, now)}"
        )

    def first_image(self, base: str, generation_id: str, now: datetime) -> str:
        """Write the signed address of a generation's first picture."""
        return f"{base}{PREFIX}/{generation_id}/image?{self._signed(generation_id, 'images', 0, now)}"

    def public_picture(self, base: str, generation_id: str, number: int) -> str:
        """Write the lasting address of a public picture."""
        return f"{base}{PREFIX}/{generation_id}/images/{number}"

    def is_signed(
        self, query: Mapping[str, str], generation_id: str, kind: PictureKind, number: int, now: datetime
    ) -> bool:
        """Tell whether a query carries our signature for this picture and is not too old."""
        expires = query.get("expires", "")
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
            return False
        wanted = self._sign(generation_id, kind, number, int(expires))
        given = query.get("signature", "").encode()
        return hmac.compare_digest(given, wanted.encode()) and int(expires) > now.timestamp()

    def _signed(self, generation_id: str, kind: PictureKind, number: int, now: datetime) -> str:
        expires = step_of(now) + _LIFETIME
        return f"expires={expires}&signature={self._sign(generation_id, kind, number, expires)}"

    def _sign(self, generation_id: str, kind: PictureKind, number: int, expires: int) -> str:
        message = f"picture:{generation_id}:{kind}:{number}:{expires}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()


def step_of(now: datetime) -> int:
    """Return the full hour (Unix seconds) that signed links count from; it is part of a resource's ETag."""
    return int(now.timestamp()) // _HOUR * _HOUR
