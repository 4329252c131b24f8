"""Tickets: short-lived access to an event stream for a browser's EventSource, which can send no headers."""

import json
from datetime import UTC, datetime, timedelta

from domain.accounts.access import Claims, Role
from domain.sealed_token import SealedTokens

LIFETIME = timedelta(seconds=60)


class Tickets:
    """Issue and read tickets; each opens the events at exactly one path.

    A ticket names its issuer and expires with the issuer's session.
    """

    def __init__(self, secret: bytes) -> None:
        self._tokens = SealedTokens(secret, "ticket")

    def issue(self, path: str, issuer: Claims, now: datetime) -> str:
        """Return a ticket for the events at a path, in URL-safe characters."""
        expires = int((now + LIFETIME).timestamp())
        fields = [expires, issuer.role.value, issuer.subject, issuer.project_id, issuer.session, issuer.epoch]
        return self._tokens.seal(json.dumps(fields).encode(), path)

    def read(self, ticket: str, path: str, now: datetime) -> Claims | None:
        """Return the claims of the issuer; None for a ticket that is forged, expired or for another path."""
        content = self._tokens.open(ticket, path)
        if content is None:
            return None
        expires, role, subject, project, session, epoch = json.loads(content)
        if expires <= now.timestamp():
            return None
        return Claims(subject, Role(role), project, session, "", datetime.fromtimestamp(expires, UTC), epoch)
