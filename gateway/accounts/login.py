"""`/api/v1/auth/login`, `/refresh` and `/logout`: e-mail and password for tokens."""

from dataclasses import dataclass

from aiohttp import web

from domain.accounts.passwords import Passwords
from domain.errors import ErrorCode, ExemplarError
from domain.paths import AUTH
from gateway.accounts.answers import Tokens
from gateway.accounts.bodies import secret_response, tokens_body
from gateway.accounts.requests import LoginRequest, RefreshRequest
from gateway.auth.authentication import Authenticator
from gateway.auth.headers import project_header
from gateway.auth.login_attempts import LoginAttempts
from gateway.auth.sessions import Sessions
from gateway.http.client_address import ClientAddresses
from gateway.http.parsing import read_model
from gateway.openapi.operation import post
from store.accounts.accounts import Accounts
from store.accounts.records import Login

_REFRESH = (ErrorCode.INVALID_CREDENTIALS, ErrorCode.TIER_UNAVAILABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRoutes:
    accounts: Accounts
    authenticator: Authenticator
    sessions: Sessions
    passwords: Passwords
    login_attempts: LoginAttempts
    client_addresses: ClientAddresses

    @post(
        f"{AUTH}/login",
        "public",
        body=LoginRequest,
        answer=Tokens,
        headers=("X-Project-ID",),
        codes=(ErrorCode.INVALID_LOGIN, ErrorCode.LOGIN_LIMIT),
    )
    async def login(self, request: web.Request) -> web.Response:
        """Exchange e-mail and password for tokens; X-Project-ID names the project of an end user."""
        body = await read_model(request, LoginRequest)
        project_id, address = project_header(request), self.client_addresses.of(request)
        attempt = await self.login_attempts.count_login(project_id, body.email, address)
        found = await self.accounts.find_login(body.email, project_id)
        verifying = self.passwords.verify(body.password, found.password_hash if found else None, client=address)
        matches = await self.login_attempts.verified(verifying, attempt.own, *attempt.counted)
        if found is None or not matches or not found.active:
            raise ExemplarError(ErrorCode.INVALID_LOGIN)
        await self.login_attempts.login_succeeded(attempt, found.id)
        await self._rehash(found, body.password, address)
        pair = await self.sessions.start(found.id, found.role, found.project_id, found.epoch)
        return secret_response(tokens_body(pair))

    async def _rehash(self, found: Login, password: str, client: str) -> None:
        """Hash the password with today's parameters; only a login knows it."""
        if not self.passwords.is_outdated(found.password_hash):
            return
        try:
            hashed = await self.passwords.hash(password, client=client)
        except ExemplarError:  # too busy: the next login does it
            return
        await self.accounts.rehash(found, hashed)

    @post(f"{AUTH}/refresh", "public", body=RefreshRequest, answer=Tokens, codes=_REFRESH)
    async def refresh(self, request: web.Request) -> web.Response:
        """Exchange a refresh token, which works once, for new tokens."""
        body = await read_model(request, RefreshRequest)
        claims = await self.authenticator.authenticate_refresh(body.refresh_token)
        return secret_response(tokens_body(await self.sessions.refresh(claims)))

    @post(f"{AUTH}/logout", "account", 204)
    async def logout(self, request: web.Request) -> web.Response:
        """End the session of the token."""
        await self.sessions.end(await self.authenticator.authenticate_account(request))
        return web.Response(status=204)
