"""`/api/v1/developers/*`: developers' accounts, for operators."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from domain.accounts.passwords import Passwords
from domain.accounts.tiers import TIERS, Tier
from domain.errors import ErrorCode, ExemplarError
from domain.paths import DEVELOPER, DEVELOPERS
from gateway.accounts.answers import DeveloperAccount, Developers
from gateway.accounts.bodies import developer_body, reset_response
from gateway.accounts.registration import require_tier
from gateway.accounts.requests import PASSWORD_RESET, PageRequest, TierRequest, read_new_password
from gateway.auth.authentication import Authenticator
from gateway.http.client_address import ClientAddresses
from gateway.http.parsing import path_id, read_model, read_query
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import get, put
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.records import DeveloperRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DeveloperRoutes:
    accounts: Accounts
    account_changes: AccountChanges
    authenticator: Authenticator
    passwords: Passwords
    client_addresses: ClientAddresses
    tiers: Mapping[str, Tier] = field(default_factory=lambda: TIERS)

    @get(DEVELOPERS, "operator", query=PageRequest, answer=Developers)
    async def list_all(self, request: web.Request) -> web.Response:
        """List all developers, newest first."""
        await self.authenticator.authenticate_operator(request)
        query = read_query(request, PageRequest)
        developers, total = await self.accounts.developers(page=query.page, page_size=query.page_size)
        body: Developers = {"developers": list(map(developer_body, developers)), **query.of(total)}
        return web.json_response(body)

    @get(DEVELOPER, "operator", answer=DeveloperAccount)
    async def read(self, request: web.Request) -> web.Response:
        """Read a developer."""
        await self.authenticator.authenticate_operator(request)
        return web.json_response(developer_body(await self._developer(request)))

    @put(f"{DEVELOPER}/tier", "operator", body=TierRequest, answer=DeveloperAccount)
    async def change_tier(self, request: web.Request) -> web.Response:
        """Change the tier of a developer."""
        cause = cause_of(request, await self.authenticator.authenticate_operator(request))
        developer = await self._developer(request)
        body = await read_model(request, TierRequest)
        require_tier(self.tiers, body.tier)
        await self.account_changes.change_tier(developer.id, body.tier, cause=cause)
        return web.json_response(developer_body(await self._developer(request)))

    @put(f"{DEVELOPER}/password", "operator", **PASSWORD_RESET)
    async def reset_password(self, request: web.Request) -> web.Response:
        """Reset a developer's password."""
        cause = cause_of(request, await self.authenticator.authenticate_operator(request))
        developer = await self._developer(request)
        client = self.client_addresses.of(request)
        new, generated = await read_new_password(request, self.passwords, client)
        await self.account_changes.set_developer_password(developer.id, new, cause=cause)
        return reset_response(generated)

    async def _developer(self, request: web.Request) -> DeveloperRecord:
        found = await self.accounts.developer(path_id(request, "developer_id"))
        if found is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return found
