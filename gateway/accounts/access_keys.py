"""`/api/v1/projects/*/users/*/access-keys`: keys that act for one end user, made by the developer of the project."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from domain.accounts.access import DeveloperIdentity
from domain.accounts.access_keys import ordered_scopes
from domain.accounts.keys import Peppers
from domain.errors import ErrorCode, ExemplarError
from domain.paths import ACCESS_KEYS
from events.generation import Owner
from gateway.accounts import answers
from gateway.accounts.bodies import access_key_body, secret_response
from gateway.accounts.requests import AccessKeyCreateRequest, read_access_key
from gateway.auth.authentication import Authenticator
from gateway.http.parsing import path_id
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import delete, get, post
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.writes import NewAccessKey, mint_access_key


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKeyRoutes:
    """List, create and revoke the access keys of a user."""

    accounts: Accounts
    account_changes: AccountChanges
    authenticator: Authenticator
    peppers: Peppers

    @get(ACCESS_KEYS, "developer", answer=Sequence[answers.AccessKey])
    async def list_keys(self, request: web.Request) -> web.Response:
        """List the access keys of a user, newest first."""
        _, user = await self._user(request)
        found = await self.accounts.access_keys.of_user(user)
        return web.json_response([access_key_body(key) for key in found])

    @post(
        ACCESS_KEYS,
        "developer",
        201,
        body=AccessKeyCreateRequest,
        optional_body=True,
        answer=answers.NewAccessKey,
        codes=(ErrorCode.KEY_LIMIT,),
    )
    async def create(self, request: web.Request) -> web.Response:
        """Create an access key, shown once."""
        developer, user = await self._user(request)
        body = await read_access_key(request, self.authenticator.clock())
        new, key = mint_access_key(self.peppers, body.name)
        stored = NewAccessKey(new, ordered_scopes(body.scopes), body.expires_at)
        cause = cause_of(request, developer.actor)
        record = await self.account_changes.access_keys.create(user, stored, cause=cause)
        shown: answers.NewAccessKey = {**access_key_body(record), "key": key}
        return secret_response(shown, status=201)

    @delete(f"{ACCESS_KEYS}/{{access_key_id}}", "developer", 204)
    async def revoke(self, request: web.Request) -> web.Response:
        """Revoke an access key."""
        developer, user = await self._user(request)
        cause = cause_of(request, developer.actor)
        await self.account_changes.access_keys.revoke(user, path_id(request, "access_key_id"), cause=cause)
        return web.Response(status=204)

    async def _user(self, request: web.Request) -> tuple[DeveloperIdentity, Owner]:
        """Authenticate the developer of the project and find its user; 404 for any other."""
        developer, project = await self.authenticator.authenticate_project_owner(request)
        user = await self.accounts.user(project.id, path_id(request, "user_id"))
        if user is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return developer, user.owner
