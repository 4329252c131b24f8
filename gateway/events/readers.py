"""Who may read events: by token or by ticket at the door, and for as long as his account stands."""

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
class Readers:
    """Tell who reads, write tickets, and look again after a wait."""

    authenticator: Authenticator
    account_status: AccountStatus
    tickets: Tickets
    links: Links
    clock: Callable[[], datetime]

    def admitted(self, request: web.Request, project: str | None = None) -> AccessGrant:
        """Note with what a request was let in; `project` is whose generations a developer reads."""
        return self.account_status.grant(*self.authenticator.presented_credentials(request), project)

    async def by_ticket(
        self, request: web.Request, resource: str, project: str | None = None
    ) -> AccessGrant | None:
        """Let in whoever brings a ticket for this resource; None when none was brought.

        Raises ExemplarError `invalid_ticket` for a wrong one, and when its issuer would not be let in now.
        """
        ticket = request.query.get("ticket")
        if ticket is None:
            return None
        issuer = self.tickets.read(ticket, resource, self.clock())
        if issuer is None:
            raise ExemplarError(ErrorCode.INVALID_TICKET)
        admitted = AccessGrant(issuer, PresentedCredentials(), project=project)
        if await self.account_status.revoked([admitted]):
            raise ExemplarError(ErrorCode.INVALID_TICKET)
        return admitted

    def ticket(self, request: web.Request, resource: str, path: str) -> web.Response:
        """Answer an admitted request with a ticket that opens the events at a path for a minute."""
        issuer, _ = self.authenticator.presented_credentials(request)
        ticket = self.tickets.write(resource, issuer, self.clock())
        body = {
            "ticket": ticket,
            "url": f"{self.links.base(request)}{path}?ticket={ticket}",
            "expires_in": int(LIFETIME.total_seconds()),
        }
        return web.json_response(body, status=201, headers={"Cache-Control": "no-store"})

    async def confirm(self, admitted: AccessGrant) -> None:
        """Raise `invalid_credentials` when somebody may not read any more, after he has waited."""
        if await self.account_status.revoked([admitted]):
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
