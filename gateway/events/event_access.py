"""Access to events: by token or by ticket, revalidated after a wait."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from domain.accounts.access import PresentedCredentials
from domain.errors import ErrorCode, ExemplarError
from gateway.auth.account_status import AccessGrant, AccountStatus
from gateway.auth.authentication import Authenticator
from gateway.events.tickets import LIFETIME, Tickets
from gateway.generations.links import Links


@dataclass(frozen=True, slots=True, kw_only=True)
class EventAccess:
    """Grant access to events, issue tickets, and revalidate grants."""

    authenticator: Authenticator
    account_status: AccountStatus
    tickets: Tickets
    links: Links
    clock: Callable[[], datetime]

    def grant(self, request: web.Request, project: str | None = None) -> AccessGrant:
        """Keep what an authenticated request presented; `project` is the one that a developer reads."""
        return self.account_status.grant(*self.authenticator.presented_credentials(request), project)

    async def ticket_grant(self, request: web.Request, path: str, project: str | None = None) -> AccessGrant | None:
        """Return the grant of a request's ticket for the events at a path; None without a ticket.

        Raises ExemplarError `invalid_ticket` for an invalid one, and when its issuer has lost access.
        """
        ticket = request.query.get("ticket")
        if ticket is None:
            return None
        issuer = self.tickets.read(ticket, path, self.clock())
        if issuer is None:
            raise ExemplarError(ErrorCode.INVALID_TICKET)
        grant = AccessGrant(issuer, PresentedCredentials(), project=project)
        if await self.account_status.revoked([grant]):
            raise ExemplarError(ErrorCode.INVALID_TICKET)
        return grant

    def issue_ticket(self, request: web.Request, path: str) -> web.Response:
        """Respond to an authenticated request with a ticket for the events at a path."""
        issuer, _ = self.authenticator.presented_credentials(request)
        ticket = self.tickets.issue(path, issuer, self.clock())
        body = {
            "ticket": ticket,
            "url": f"{self.links.base(request)}{path}?ticket={ticket}",
            "expires_in": int(LIFETIME.total_seconds()),
        }
        return web.json_response(body, status=201, headers={"Cache-Control": "no-store"})

    async def confirm(self, grant: AccessGrant) -> None:
        """Raise `invalid_credentials` when a grant was revoked during a wait."""
        if await self.account_status.revoked([grant]):
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
