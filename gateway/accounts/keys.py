"""`/api/v1/auth/developer-keys` and `/api/v1/projects/*/api-keys`: the keys of developers and projects."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from domain.accounts.access import DeveloperIdentity
from domain.accounts.keys import Peppers
from domain.errors import ErrorCode
from domain.paths import DEVELOPER_KEYS, PROJECT
from gateway.accounts.answers import Key, NewKey
from gateway.accounts.bodies import key_body, secret_response
from gateway.accounts.requests import KeyCreateRequest
from gateway.auth.authentication import Authenticator
from gateway.http.parsing import path_id, read_model
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import delete, get, post
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.writes import mint_key

_API_KEYS = f"{PROJECT}/api-keys"
_create = partial(
    post, caller="developer", status=201, body=KeyCreateRequest, answer=NewKey, codes=(ErrorCode.KEY_LIMIT,)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRoutes:
    """List, create and revoke API keys of the project in the path, or without one developer keys."""

    accounts: Accounts
    account_changes: AccountChanges
    authenticator: Authenticator
    peppers: Peppers

    @get(DEVELOPER_KEYS, "developer", summary="List your developer keys", answer=Sequence[Key])
    @get(_API_KEYS, "developer", summary="List the project's API keys", answer=Sequence[Key])
    async def list_keys(self, request: web.Request) -> web.Response:
        developer, project = await self._owner(request)
        keys = await self.accounts.keys.all_of(developer.developer_id, project)
        return web.json_response([key_body(key) for key in keys])

    @_create(DEVELOPER_KEYS, summary="Create a developer key, shown once")
    @_create(_API_KEYS, summary="Create an API key, shown once")
    async def create(self, request: web.Request) -> web.Response:
        developer, project = await self._owner(request)
        body = await read_model(request, KeyCreateRequest)
        new, key = mint_key(self.peppers, project, body.name)
        cause = cause_of(request, developer.actor)
        record = await self.account_changes.create_key(developer.developer_id, project, new, cause=cause)
        shown: NewKey = {**key_body(record), "key": key}
        return secret_response(shown, status=201)

    @delete(f"{DEVELOPER_KEYS}/{{key_id}}", "developer", 204, summary="Revoke a developer key")
    @delete(f"{_API_KEYS}/{{api_key_id}}", "developer", 204, summary="Revoke an API key")
    async def revoke(self, request: web.Request) -> web.Response:
        developer, project = await self._owner(request)
        key_id = path_id(request, "key_id" if project is None else "api_key_id")
        cause = cause_of(request, developer.actor)
        await self.account_changes.revoke_key(developer.developer_id, key_id, project, cause=cause)
        return web.Response(status=204)

    async def _owner(self, request: web.Request) -> tuple[DeveloperIdentity, str | None]:
        if "project_id" not in request.match_info:
            return await self.authenticator.authenticate_developer(request), None
        developer, project = await self.authenticator.authenticate_project_owner(request)
        return developer, project.id
