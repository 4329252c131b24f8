"""Access to events: by token or by ticket, revalidated after a wait.

A ticket is short-lived access to a stream for a browser's EventSource, which can send no headers.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import web

from domain.accounts.access import Claims, Role
from domain.accounts.headers import PresentedCredentials
from domain.errors import ErrorCode, ExemplarError
from domain.sealed_token import SealedTokens
from gateway.auth.account_status import AccessGrant, AccountStatus
from gateway.auth.authentication import Authenticator
from gateway.events.answers import Ticket
from gateway.generations.links import Links
from gateway.http.parsing import query_value

LIFETIME = timedelta(seconds=60)


class Tickets:
    """Issue and read tickets; each opens the events at exactly one path.

    A ticket names its issuer and expires with the issuer's session or access key.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._tokens = SealedTokens(secrets, "ticket")

    def issue(self, path: str, issuer: Claims, developer: str, now: datetime) -> str:
        """Return a ticket for the events at a path, in URL-safe characters."""
        expires = int((now + LIFETIME).timestamp())
        fields = [expires, issuer.role.value, issuer.subject, issuer.project_id, issuer.session, issuer.epoch]
        fields.append(developer)
        if issuer.access_key is not None:
            fields.append(issuer.access_key)
        return self._tokens.seal(json.dumps(fields).encode(), path)

    def read(self, ticket: str, path: str, now: datetime) -> tuple[Claims, str] | None:
        """Return claims and developer of the issuer; None for a ticket that is forged, expired or for another path."""
        content = self._tokens.open(ticket, path)
        if content is None:
            return None
        expires, role, subject, project, session, epoch, developer, *key = json.loads(content)
        if expires <= now.timestamp():
            return None
        expires_at = datetime.fromtimestamp(expires, UTC)
        claims = Claims(subject, Role(role), project, session, "", expires_at, epoch, *key)
        return claims, developer


@dataclass(frozen=True, slots=True, kw_only=True)
class EventAccess:
    """Grant access to events, issue tickets, and revalidate grants."""

    authenticator: Authenticator
    account_status: AccountStatus
    tickets: Tickets
    links: Links
    clock: Callable[[], datetime]

    def grant(self, request: web.Request, developer: str, project: str | None = None) -> AccessGrant:
        """Keep what an authenticated request presented; `project` is the one that a developer reads."""
        return self.account_status.grant(*self.authenticator.presented_credentials(request), developer, project)

    async def ticket_grant(self, request: web.Request, path: str, project: str | None = None) -> AccessGrant | None:
        """Return the grant of a request's ticket for the events at a path; None without a ticket.

        Raises ExemplarError `invalid_ticket` for an invalid one, and when its issuer has lost access.
        """
        ticket = query_value(request, "ticket")
        if ticket is None:
            return None
        issuer = self.tickets.read(ticket, path, self.clock())
        if issuer is None:
            raise ExemplarError(ErrorCode.INVALID_TICKET)
        claims, developer = issuer
        grant = AccessGrant(claims, PresentedCredentials(), developer, project=project)
        if await self.account_status.revoked([grant]):
            raise ExemplarError(ErrorCode.INVALID_TICKET)
        return grant

    def issue_ticket(self, request: web.Request, developer: str, path: str) -> web.Response:
        """Respond to an authenticated request with a ticket for the events at a path."""
        issuer, _ = self.authenticator.presented_credentials(request)
        ticket = self.tickets.issue(path, issuer, developer, self.clock())
        body: Ticket = {
            "ticket": ticket,
            "url": f"{self.links.base(request)}{path}?ticket={ticket}",
            "expires_in": int(LIFETIME.total_seconds()),
        }
        return web.json_response(body, status=201, headers={"Cache-Control": "no-store"})

    async def recheck(self, grant: AccessGrant) -> None:
        """Raise `invalid_credentials` when a grant was revoked during a wait."""
        if await self.account_status.revoked([grant]):
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
