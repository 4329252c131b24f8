"""`/api/v1/auth/*`: login and its tokens, registration, developer keys."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from domain.access import Role
from domain.credentials import (
    API_KEY_PREFIX,
    DEVELOPER_KEY_PREFIX,
    PASSWORD_LONGEST,
    PASSWORD_SHORTEST,
    Passwords,
    Peppers,
    Randomness,
    display_prefix,
    mint,
    normal_email,
)
from domain.errors import ErrorCode, ExemplarError, FieldError, LimitError
from domain.tiers import TIERS, Tier
from events.envelope import format_time
from gateway.authentication import Authenticator, as_id, project_header
from gateway.bodies import read_json_object
from gateway.errors import error_response
from gateway.request_ids import request_id_of
from gateway.tokens import Sessions, TokenPair
from store.account_records import DeveloperRecord, KeyRecord, UserRecord
from store.account_slots import AlreadyExistsError, LimitReachedError
from store.accounts import Accounts

LOGIN_ATTEMPTS = 10
LOGIN_WINDOW = timedelta(minutes=5)

Model = TypeVar("Model", bound=BaseModel)
Email = Annotated[str, Field(max_length=320), AfterValidator(normal_email)]


class LoginRequest(BaseModel):
    email: Email
    password: str = Field(max_length=PASSWORD_LONGEST)


class RefreshRequest(BaseModel):
    refresh_token: str = Field(max_length=4096)


class UserCreateRequest(BaseModel):
    email: Email
    password: str = Field(min_length=PASSWORD_SHORTEST, max_length=PASSWORD_LONGEST)
    full_name: str | None = Field(None, max_length=255)


class DeveloperCreateRequest(UserCreateRequest):
    tier: str = Field("free_starter", max_length=64)


class KeyCreateRequest(BaseModel):
    name: str | None = Field(None, max_length=255)


@dataclass(frozen=True, slots=True)
class IdentityRoutes:
    """What the routes of accounts need; `randomness(n)` gives n bytes for a new key."""

    accounts: Accounts
    authenticator: Authenticator
    sessions: Sessions
    passwords: Passwords
    peppers: Peppers
    clock: Callable[[], datetime]
    tiers: Mapping[str, Tier] = field(default_factory=lambda: TIERS)
    randomness: Randomness = secrets.token_bytes


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
            web.get("/api/v1/auth/me", self.me),
            web.get("/api/v1/auth/developer-keys", self.list_keys),
            web.post("/api/v1/auth/developer-keys", self.create_key),
            web.delete("/api/v1/auth/developer-keys/{key_id}", self.revoke_key),
        ]

    async def login(self, request: web.Request) -> web.Response:
        """Exchange e-mail and password for tokens; X-Project-ID tells whose end user it is."""
        sent = await read_model(request, LoginRequest)
        project_id = project_header(request)
        attempts = _attempts_name(project_id, sent.email, request.remote)
        await self._count_attempt(attempts)
        found = await self._door.accounts.find_login(sent.email, project_id)
        fits = await self._door.passwords.verify(sent.password, found.password_hash if found else None)
        if found is None or not fits or not found.active:
            raise ExemplarError(ErrorCode.INVALID_LOGIN)
        await self._door.accounts.sessions.forget_attempts(attempts)
        return secret_response(
            _tokens(await self._door.sessions.begin(found.id, found.role, found.project_id))
        )

    async def _count_attempt(self, name: str) -> None:
        now = self._door.clock()
        attempts = await self._door.accounts.sessions.count_attempt(name, now=now, window=LOGIN_WINDOW)
        if attempts.count > LOGIN_ATTEMPTS:
            raise LimitError(ErrorCode.LOGIN_LIMIT, max(1, ceil((attempts.until - now).total_seconds())))

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
        found: UserRecord | DeveloperRecord | None
        if claims.project_id is None:
            found = await self._door.accounts.developer(claims.subject)
        else:
            found = await self._door.accounts.user(claims.project_id, claims.subject)
        if found is None:
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
        return secret_response(_account(found))

    async def register(self, request: web.Request) -> web.Response:
        """Register a developer for the operator, or else an end user for a project."""
        if "X-Operator-Key" in request.headers:
            return await self._register_developer(request)
        tenancy = await self._door.authenticator.registrar(request)
        sent = await read_model(request, UserCreateRequest)
        try:
            user = await self._door.accounts.create_user(
                tenancy.developer.id,
                tenancy.project_id,
                email=sent.email,
                password_hash=await self._door.passwords.hash(sent.password),
                full_name=sent.full_name,
            )
        except AlreadyExistsError:
            raise ExemplarError(ErrorCode.CONFLICT, "A user with this email already exists") from None
        pair = await self._door.sessions.begin(user.id, Role.END_USER, user.project_id)
        return secret_response({**_account(user), "provisioning": None, **_tokens(pair)}, status=201)

    async def _register_developer(self, request: web.Request) -> web.Response:
        self._door.authenticator.operator(request)
        sent = await read_model(request, DeveloperCreateRequest)
        if sent.tier not in self._door.tiers:
            names = ", ".join(self._door.tiers)
            raise FieldError(
                ErrorCode.INVALID_REQUEST, ("body", "tier"), f"must be one of {names}", "value_error.const"
            )
        try:
            developer = await self._door.accounts.create_developer(
                email=sent.email,
                password_hash=await self._door.passwords.hash(sent.password),
                tier=sent.tier,
                full_name=sent.full_name,
            )
        except AlreadyExistsError:
            raise ExemplarError(ErrorCode.CONFLICT, "A developer with this email already exists") from None
        provisioning = await self._provision(developer)
        pair = await self._door.sessions.begin(developer.id, Role.DEVELOPER, None)
        return secret_response(
            {**_account(developer), "provisioning": provisioning, **_tokens(pair)}, status=201
        )

    async def _provision(self, developer: DeveloperRecord) -> dict[str, str]:
        limit = self._door.tiers[developer.tier].projects
        project = await self._door.accounts.create_project(developer.id, name="Default project", limit=limit)
        _, api_key = await create_api_key(self._door, developer.id, project.id, "Default")
        _, developer_key = await create_developer_key(self._door, developer.id, "Default")
        return {"project_id": project.id, "api_key": api_key, "developer_key": developer_key}

    async def list_keys(self, request: web.Request) -> web.Response:
        developer = await self._door.authenticator.developer(request)
        keys = await self._door.accounts.keys.all_of(developer.developer_id)
        return web.json_response([key_body(key) for key in keys])

    async def create_key(self, request: web.Request) -> web.Response:
        developer = await self._door.authenticator.developer(request)
        sent = await read_model(request, KeyCreateRequest)
        try:
            kept, key = await create_developer_key(self._door, developer.developer_id, sent.name)
        except LimitReachedError as error:
            return refused(
                request, f"Maximum of {error.limit} active developer keys reached. Revoke one first."
            )
        return secret_response({**key_body(kept), "key": key}, status=201)

    async def revoke_key(self, request: web.Request) -> web.Response:
        developer = await self._door.authenticator.developer(request)
        if not await self._door.accounts.keys.revoke(developer.developer_id, path_id(request, "key_id")):
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return web.Response(status=204)


async def create_developer_key(
    door: IdentityRoutes, developer_id: str, name: str | None
) -> tuple[KeyRecord, str]:
    """Mint a developer key and keep its hash; the key itself is returned this once."""
    key = mint(DEVELOPER_KEY_PREFIX, door.randomness)
    kept = await door.accounts.keys.create_developer_key(
        developer_id, key_hash=door.peppers.hash(key), prefix=display_prefix(key), name=name
    )
    return kept, key


async def create_api_key(
    door: IdentityRoutes, developer_id: str, project_id: str, name: str | None
) -> tuple[KeyRecord, str]:
    """Mint an API key of a project and keep its hash; the key itself is returned this once."""
    key = mint(API_KEY_PREFIX, door.randomness)
    kept = await door.accounts.keys.create_api_key(
        developer_id, project_id, key_hash=door.peppers.hash(key), prefix=display_prefix(key), name=name
    )
    return kept, key


async def read_model(request: web.Request, model: type[Model]) -> Model:
    """Read a JSON body as a model; FieldError for the first field that is wrong."""
    return parse(model, await read_json_object(request), "body")


def parse(model: type[Model], values: Mapping[str, object], where: str) -> Model:
    """Read values of the `body` or the `query` as a model; FieldError for the first field that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)[0]
    loc = (where, *(str(step) for step in wrong["loc"]))
    if wrong["type"] == "missing":
        raise FieldError(ErrorCode.INVALID_REQUEST, loc, "field required", "value_error.missing")
    raise FieldError(
        ErrorCode.INVALID_REQUEST, loc, wrong["msg"].removeprefix("Value error, "), wrong["type"]
    )


def path_id(request: web.Request, name: str) -> str:
    """Read an id in the path; what is no UUID is as unknown as an unknown one."""
    found = as_id(request.match_info[name])
    if found is None:
        raise ExemplarError(ErrorCode.NOT_FOUND)
    return found


def refused(request: web.Request, sentence: str) -> web.Response:
    """Answer 400: the account has as many of a thing as it may have."""
    return error_response(
        ExemplarError(ErrorCode.INVALID_REQUEST, sentence),
        request_id=request_id_of(request),
        accept=request.headers.get("Accept", ""),
        status=400,
    )


def secret_response(body: Mapping[str, Any], status: int = 200) -> web.Response:
    """Answer with what no cache may keep (RFC 6749, section 5.1)."""
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})


def key_body(key: KeyRecord) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "key_prefix": key.prefix,
        "is_active": key.active,
        "last_used_at": time_body(key.last_used_at),
        "created_at": time_body(key.created_at),
    }


def time_body(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)


def _account(account: UserRecord | DeveloperRecord) -> dict[str, Any]:
    project_id = account.project_id if isinstance(account, UserRecord) else None
    return {
        "id": account.id,
        "email": account.email,
        "full_name": account.full_name,
        "role": (Role.DEVELOPER if project_id is None else Role.END_USER).value,
        "is_active": account.active,
        "created_at": time_body(account.created_at),
        "project_id": project_id,
    }


def _tokens(pair: TokenPair) -> dict[str, str]:
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "bearer",
    }


def _attempts_name(project_id: str | None, email: str, address: str | None) -> str:
    return hashlib.sha256(f"{project_id}|{email}|{address}".encode()).hexdigest()
