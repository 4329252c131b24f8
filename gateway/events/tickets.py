"""Tickets: a browser's EventSource can send no headers, so a signed word in the address lets it in."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

from domain.accounts.access import Claims, Role

LIFETIME = timedelta(seconds=60)
_LONGEST = 1024


class Tickets:
    """Write and read tickets; each opens the events of exactly one resource, for a minute.

    A ticket says for whom it was written, so that it is worth no more than his login is by then.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, resource: str, issuer: Claims, now: datetime) -> str:
        """Return a ticket for the events of a resource, in URL-safe characters."""
        expires = int((now + LIFETIME).timestamp())
        told = [expires, issuer.role.value, issuer.subject, issuer.project_id, issuer.session, issuer.epoch]
        text = urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).decode().rstrip("=")
        return f"{text}.{self._sign(resource, text)}"

    def read(self, ticket: str, resource: str, now: datetime) -> Claims | None:
        """Return for whom it was written; None unless it is ours, for this resource and not too old."""
        text, _, signature = ticket.partition(".")
        if len(ticket) > _LONGEST or not ticket.isascii():
            return None
        if not hmac.compare_digest(signature, self._sign(resource, text)):
            return None
        told = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        expires, role, subject, project, session, epoch = told
        if expires <= now.timestamp():
            return None
        end = datetime.fromtimestamp(expires, UTC)
        return Claims(subject, Role(role), project, session, "", end, epoch)

    def _sign(self, resource: str, text: str) -> str:
        signature = hmac.digest(self._secret, f"events:{resource}:{text}".encode(), "sha256")
        return urlsafe_b64encode(signature).decode().rstrip("=")
