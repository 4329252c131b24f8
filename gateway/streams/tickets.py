"""Tickets: a browser's EventSource can send no headers, so a signed word in the address lets it in."""

import hashlib
import hmac
from datetime import datetime, timedelta

LIFETIME = timedelta(seconds=60)


class Tickets:
    """Write and check tickets; each opens the events of exactly one generation, for a minute."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, generation_id: str, now: datetime) -> str:
        """Return a ticket for the events of a generation."""
        expires = int((now + LIFETIME).timestamp())
        return f"{expires}.{self._sign(generation_id, expires)}"

    def opens(self, ticket: str, generation_id: str, now: datetime) -> bool:
        """Tell whether a ticket is ours, for this generation and not too old."""
        expires, _, signature = ticket.partition(".")
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12 and signature.isascii()):
            return False
        wanted = self._sign(generation_id, int(expires))
        return hmac.compare_digest(signature, wanted) and int(expires) > now.timestamp()

    def _sign(self, generation_id: str, expires: int) -> str:
        message = f"events:{generation_id}:{expires}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()
