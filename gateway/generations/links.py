"""Absolute links, and signed links that let a picture be read without a token."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from aiohttp import web

from domain.paths import GENERATIONS
from gateway.generations.answers import Urls

_HOUR = 3600
_LIFETIME = 24 * _HOUR

PictureKind = Literal["images", "examples"]


@dataclass(frozen=True, slots=True)
class Links:
    """Write and check links; a signed one is valid for 24 hours from the last full hour."""

    public_url: str | None
    secrets: Sequence[bytes] = field(repr=False)

    def base(self, request: web.Request) -> str:
        """Return the configured public URL, else scheme and host that the client used."""
        return self.public_url or f"{request.scheme}://{request.host}"

    def urls(self, base: str, generation_id: str) -> Urls:
        """Return the links of a generation that need no signature; they never change."""
        own = f"{base}{GENERATIONS}/{generation_id}"
        return {
            "self": own,
            "status": f"{own}/status",
            "events": f"{own}/events",
            "cancel": f"{own}/cancel",
            "retry": f"{own}/retry",
            "explain": f"{own}/explain",
            "image": f"{own}/image",
            "receipt": f"{own}/receipt",
            "web": own,
        }

    def picture(self, base: str, generation_id: str, kind: PictureKind, number: int, now: datetime) -> str:
        """Return the signed link of one picture, numbered from 0."""
        query = self._signed(generation_id, kind, number, now)
        return f"{base}{GENERATIONS}/{generation_id}/{kind}/{number}?{query}"

    def first_image(self, base: str, generation_id: str, now: datetime) -> str:
        """Return the signed link of the first picture."""
        return f"{base}{GENERATIONS}/{generation_id}/image?{self._signed(generation_id, 'images', 0, now)}"

    def public_picture(self, base: str, generation_id: str, number: int) -> str:
        """Return the permanent link of a public picture."""
        return f"{base}{GENERATIONS}/{generation_id}/images/{number}"

    def is_signed(
        self, query: Mapping[str, str], generation_id: str, kind: PictureKind, number: int, now: datetime
    ) -> bool:
        """Tell whether a query carries a valid signature for this picture that has not expired."""
        expires = query.get("expires", "")
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
            return False
        given = query.get("signature", "").encode()
        wanted = [_sign(secret, generation_id, kind, number, int(expires)) for secret in self.secrets]
        signed = [hmac.compare_digest(given, one.encode()) for one in wanted]
        return any(signed) and int(expires) > now.timestamp()

    def _signed(self, generation_id: str, kind: PictureKind, number: int, now: datetime) -> str:
        expires = step_of(now) + _LIFETIME
        return f"expires={expires}&signature={_sign(self.secrets[0], generation_id, kind, number, expires)}"


def step_of(now: datetime) -> int:
    """Return the full hour (Unix seconds) that signed links count from; it is part of a resource's ETag."""
    return int(now.timestamp()) // _HOUR * _HOUR


def _sign(secret: bytes, generation_id: str, kind: PictureKind, number: int, expires: int) -> str:
    message = f"picture:{generation_id}:{kind}:{number}:{expires}".encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()
