"""`/api/v1/auth/developer-keys`: a developer's own keys."""

from dataclasses import dataclass

from aiohttp import web

from domain.accounts.keys import Peppers
from domain.paths import DEVELOPER_KEYS
from gateway.accounts.bodies import key_body, secret_response
from gateway.accounts.requests import KeyCreateRequest
from gateway.auth.authentication import Authenticator
from gateway.http.causes import cause_of
from gateway.http.ids import path_id
from gateway.http.parsing import read_model
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.key_minting import mint_key


@dataclass(frozen=True, slots=True, kw_only=True)
class DeveloperKeyRoutes:
    accounts: Accounts
    account_changes: AccountChanges
    authenticator: Authenticator
    peppers: Peppers

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(DEVELOPER_KEYS, self.list_keys),
            web.post(DEVELOPER_KEYS, self.create),
            web.delete(f"{DEVELOPER_KEYS}/{{key_id}}", self.revoke),
        ]

    async def list_keys(self, request: web.Request) -> web.Response:
        developer = await self.authenticator.authenticate_developer(request)
        keys = await self.accounts.keys.all_of(developer.developer_id)
        return web.json_response([key_body(key) for key in keys])

    async def create(self, request: web.Request) -> web.Response:
        developer = await self.authenticator.authenticate_developer(request)
        body = await read_model(request, KeyCreateRequest)
        cause = cause_of(request, developer.actor)
        record, key = await mint_key(
            self.account_changes, self.peppers, developer.developer_id, None, name=body.name, cause=cause
        )
        return secret_response({**key_body(record), "key": key}, status=201)

    async def revoke(self, request: web.Request) -> web.Response:
        developer = await self.authenticator.authenticate_developer(request)
        key_id, cause = path_id(request, "key_id"), cause_of(request, developer.actor)
        await self.account_changes.revoke_key(developer.developer_id, key_id, cause=cause)
        return web.Response(status=204)
