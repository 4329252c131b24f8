"""`/api/v1/auth/*`: login and its tokens, registration, one's own password, developer keys."""

from aiohttp import web

from domain.accounts.access import Claims, Role, StaffIdentity
from domain.errors import ErrorCode, ExemplarError, FieldError
from events.envelope import Cause
from gateway.accounts.auth_bodies import (
    DeletionRequest,
    DeveloperCreateRequest,
    LoginRequest,
    PasswordChangeRequest,
    RefreshRequest,
    UserCreateRequest,
)
from gateway.accounts.identity import (
    IdentityRoutes,
    KeyCreateRequest,
    account_body,
    cause_of,
    key_body,
    path_id,
    read_model,
    secret_response,
)
from gateway.auth.headers import project_header
from gateway.auth.tokens import TokenPair
from store.accounts.records import DeveloperRecord, Login, StaffRecord, UserRecord
from store.accounts.slots import AlreadyExistsError
from store.accounts.user_changes import NewPassword


class AuthRoutes:
    """Answer `/api/v1/auth/*`."""

    def __init__(self, door: IdentityRoutes) -> None:
        self._door = door

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v1/auth/login", self.login),
            web.post("/api/v1/auth/refresh", self.refresh),
            web.post("/api/v1/auth/logout", self.logout),
            web.post("/api/v1/auth/register", self.register),
            web.post("/api/v1/auth/password", self.change_password),
            web.get("/api/v1/auth/me", self.me),
            web.delete("/api/v1/auth/me", self.delete_me),
            web.get("/api/v1/auth/developer-keys", self.list_keys),
            web.post("/api/v1/auth/developer-keys", self.create_key),
            web.delete("/api/v1/auth/developer-keys/{key_id}", self.revoke_key),
        ]

    async def login(self, request: web.Request) -> web.Response:
        """Exchange e-mail and password for tokens; X-Project-ID tells whose end user it is."""
        sent = await read_model(request, LoginRequest)
        project_id = project_header(request)
        attempts, place = self._door.attempts, self._door.client_addresses.of(request)
        attempt = await attempts.login(project_id, sent.email, place)
        found = await self._door.accounts.find_login(sent.email, project_id)
        verifying = self._door.passwords.verify(sent.password, found.password_hash if found else None)
        fits = await attempts.checked(verifying, attempt.own, *attempt.counted)
        if found is None or not fits or not found.active:
            raise ExemplarError(ErrorCode.INVALID_LOGIN)
        await attempts.succeeded(attempt, found.id)
        await self._rehash(found, sent.password)
        pair = await self._door.sessions.begin(found.id, found.role, found.project_id, found.epoch)
        return secret_response(_tokens(pair))

    async def _rehash(self, found: Login, password: str) -> None:
        """Keep the password under today's parameters: only now is it known."""
        if not self._door.passwords.is_outdated(found.password_hash):
            return
        try:
            hashed = await self._door.passwords.hash(password)
        except ExemplarError:  # too busy: the next login does it
            return
        await self._door.accounts.rehash(found, hashed)

    async def refresh(self, request: web.Request) -> web.Response:
        """Exchange a refresh token, which works once, for new tokens."""
        sent = await read_model(request, RefreshRequest)
        claims = await self._door.authenticator.refresher(sent.refresh_token)
        return secret_response(_tokens(await self._door.sessions.prolong(claims)))

    async def logout(self, request: web.Request) -> web.Response:
        """End the session of the token that is sent."""
        await self._door.sessions.end(await self._door.authenticator.account(request))
        return web.Response(status=204)

    async def me(self, request: web.Request) -> web.Response:
        claims = await self._door.authenticator.account(request)
        found: UserRecord | DeveloperRecord | StaffRecord | None
        match claims.role:
            case Role.END_USER:
                found = await self._door.accounts.user(claims.project_id or "", claims.subject)
            case Role.DEVELOPER:
                found = await self._door.accounts.developer(claims.subject)
            case _:
                found = await self._door.accounts.staff.find(claims.subject)
        if found is None:
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
        return secret_response(account_body(found))

    async def change_password(self, request: web.Request) -> web.Response:
        """Set one's own password; every other session is over."""
        claims = await self._door.authenticator.account(request)
        sent = await read_model(request, PasswordChangeRequest)
        proved = await self._prove(claims, sent.current_password, "current_password")
        new = NewPassword(await self._door.passwords.hash(sent.new_password), proved, claims.session)
        await self._set_password(claims, new, request)
        return web.Response(status=204)

    async def _set_password(self, claims: Claims, new: NewPassword, request: web.Request) -> None:
        changes = self._door.changes
        match claims.role:
            case Role.END_USER:
                user = await self._door.authenticator.reader(request)
                cause = cause_of(request, f"user:{user.user_id}")
                await changes.change_user_password(
                    user.developer_id, user.project_id, user.user_id, new, cause=cause
                )
            case Role.DEVELOPER:
                cause = cause_of(request, f"developer:{claims.subject}")
                await changes.change_developer_password(claims.subject, new, cause=cause)
            case Role.PLATFORM_OPERATOR | Role.AUDITOR:
                staff = StaffIdentity(claims.subject, claims.role)
                await self._door.platform.change_password(
                    claims.subject, new, cause=cause_of(request, staff.actor)
                )

    async def delete_me(self, request: web.Request) -> web.Response:
        """Delete the end user who asks, and all that is his."""
        user = await self._door.authenticator.reader(request)
        claims, _ = self._door.authenticator.presented(request)
        sent = await read_model(request, DeletionRequest)
        await self._prove(claims, sent.password, "password")
        cause = cause_of(request, f"user:{user.user_id}")
        await self._door.changes.delete_user(user.developer_id, user.project_id, user.user_id, cause=cause)
        return web.Response(status=204)

    async def _prove(self, claims: Claims, password: str, field: str) -> str:
        """Check that the caller knows his password, and return its hash; a wrong one counts like a login."""
        guess = await self._door.attempts.proof(claims)
        kept = await self._door.accounts.password_hash(claims.role, claims.subject, claims.project_id)
        verifying = self._door.passwords.verify(password, kept)
        if not await self._door.attempts.checked(verifying, guess) or kept is None:
            raise FieldError(ErrorCode.INVALID_REQUEST, ("body", field), "is not correct", "value_error")
        await self._door.accounts.sessions.forget_attempts(guess)
        return kept

    async def register(self, request: web.Request) -> web.Response:
        """Register a developer for the operator, or else an end user for a project."""
        if "X-Operator-Key" in request.headers:
            return await self._register_developer(request)
        tenancy = await self._door.authenticator.registrar(request)
        sent = await read_model(request, UserCreateRequest)
        try:
            user = await self._door.changes.register_user(
                tenancy.developer.id,
                tenancy.project_id,
                email=sent.email,
                password_hash=await self._door.passwords.hash(sent.password),
                full_name=sent.full_name,
                cause=cause_of(request, f"developer:{tenancy.developer.id}"),
            )
        except AlreadyExistsError:
            raise ExemplarError(ErrorCode.CONFLICT, "A user with this email already exists") from None
        pair = await self._door.sessions.begin(user.id, Role.END_USER, user.project_id)
        return secret_response({**account_body(user), "provisioning": None, **_tokens(pair)}, status=201)

    async def _register_developer(self, request: web.Request) -> web.Response:
        cause = cause_of(request, await self._door.authenticator.operator(request))
        sent = await read_model(request, DeveloperCreateRequest)
        require_tier(self._door, sent.tier)
        if await self._door.accounts.staff.find_login(sent.email) is not None:
            raise ExemplarError(ErrorCode.CONFLICT, "An operator or auditor with this email already exists")
        try:
            developer = await self._door.changes.register_developer(
                email=sent.email,
                password_hash=await self._door.passwords.hash(sent.password),
                tier=sent.tier,
                full_name=sent.full_name,
                cause=cause,
            )
        except AlreadyExistsError:
            raise ExemplarError(ErrorCode.CONFLICT, "A developer with this email already exists") from None
        provisioning = await self._provision(developer, cause)
        pair = await self._door.sessions.begin(developer.id, Role.DEVELOPER, None)
        body = {**account_body(developer), "provisioning": provisioning, **_tokens(pair)}
        return secret_response(body, status=201)

    async def _provision(self, developer: DeveloperRecord, cause: Cause) -> dict[str, str]:
        project = await self._door.changes.create_project(
            developer.id, name="Default project", limit=None, cause=cause
        )
        _, api_key = await self._door.create_key(developer.id, project.id, "Default", cause=cause)
        _, developer_key = await self._door.create_key(developer.id, None, "Default", cause=cause)
        return {"project_id": project.id, "api_key": api_key, "developer_key": developer_key}

    async def list_keys(self, request: web.Request) -> web.Response:
        developer = await self._door.authenticator.developer(request)
        keys = await self._door.accounts.keys.all_of(developer.developer_id)
        return web.json_response([key_body(key) for key in keys])

    async def create_key(self, request: web.Request) -> web.Response:
        developer = await self._door.authenticator.developer(request)
        sent = await read_model(request, KeyCreateRequest)
        cause = cause_of(request, developer.actor)
        kept, key = await self._door.create_key(developer.developer_id, None, sent.name, cause=cause)
        return secret_response({**key_body(kept), "key": key}, status=201)

    async def revoke_key(self, request: web.Request) -> web.Response:
        developer = await self._door.authenticator.developer(request)
        key_id, cause = path_id(request, "key_id"), cause_of(request, developer.actor)
        await self._door.changes.revoke_key(developer.developer_id, key_id, cause=cause)
        return web.Response(status=204)


def require_tier(door: IdentityRoutes, tier: str) -> None:
    """Refuse a tier that is not configured, naming those that are."""
    if tier not in door.tiers:
        names = ", ".join(door.tiers)
        loc = ("body", "tier")
        raise FieldError(ErrorCode.INVALID_REQUEST, loc, f"must be one of {names}", "value_error.const")


def _tokens(pair: TokenPair) -> dict[str, str]:
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "bearer",
    }
