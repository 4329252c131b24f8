"""`/api/v1/auth/register`: new developers and end users."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from domain.accounts.access import Role
from domain.accounts.keys import Peppers
from domain.accounts.passwords import Passwords
from domain.accounts.tiers import TIERS, Tier
from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.paths import AUTH
from events.envelope import Cause
from gateway.accounts.answers import Provisioning, Registration
from gateway.accounts.bodies import account_body, secret_response, tokens_body
from gateway.accounts.requests import DeveloperCreateRequest, UserCreateRequest
from gateway.auth.authentication import Authenticator
from gateway.auth.sessions import Sessions
from gateway.http.client_address import ClientAddresses
from gateway.http.parsing import read_model
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import post
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.records import DeveloperRecord
from store.accounts.writes import NewPerson, mint_key
from store.errors import AlreadyExistsError


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRoutes:
    accounts: Accounts
    account_changes: AccountChanges
    authenticator: Authenticator
    sessions: Sessions
    passwords: Passwords
    client_addresses: ClientAddresses
    peppers: Peppers
    tiers: Mapping[str, Tier] = field(default_factory=lambda: TIERS)

    @post(
        f"{AUTH}/register",
        "program",
        201,
        body=DeveloperCreateRequest,
        answer=Registration,
        codes=(ErrorCode.CONFLICT,),
    )
    async def register(self, request: web.Request) -> web.Response:
        """Register an end user, or with X-Operator-Key a developer."""
        if "X-Operator-Key" in request.headers:
            return await self._register_developer(request)
        return await self._register_user(request)

    async def _register_user(self, request: web.Request) -> web.Response:
        tenancy = await self.authenticator.authenticate_registration(request)
        body = await read_model(request, UserCreateRequest)
        person, developer = await self._person(request, body), tenancy.developer.id
        cause = cause_of(request, f"developer:{developer}")
        try:
            user = await self.account_changes.register_user(developer, tenancy.project_id, person, cause=cause)
        except AlreadyExistsError:
            raise ExemplarError(ErrorCode.CONFLICT, "A user with this email already exists") from None
        pair = await self.sessions.start(user.id, Role.END_USER, user.project_id)
        registered: Registration = {**account_body(user), "provisioning": None, **tokens_body(pair)}
        return secret_response(registered, status=201)

    async def _register_developer(self, request: web.Request) -> web.Response:
        cause = cause_of(request, await self.authenticator.authenticate_operator(request))
        body = await read_model(request, DeveloperCreateRequest)
        require_tier(self.tiers, body.tier)
        if await self.accounts.staff.find_login(body.email) is not None:
            raise ExemplarError(ErrorCode.CONFLICT, "An operator or auditor with this email already exists")
        person = await self._person(request, body)
        try:
            developer = await self.account_changes.register_developer(person, tier=body.tier, cause=cause)
        except AlreadyExistsError:
            raise ExemplarError(ErrorCode.CONFLICT, "A developer with this email already exists") from None
        provisioning = await self._provision(developer, cause)
        pair = await self.sessions.start(developer.id, Role.DEVELOPER, None)
        registered: Registration = {**account_body(developer), "provisioning": provisioning, **tokens_body(pair)}
        return secret_response(registered, status=201)

    async def _provision(self, developer: DeveloperRecord, cause: Cause) -> Provisioning:
        """Create a first project with an API key, and a developer key."""
        changes, keys = self.account_changes, list[str]()
        project = await changes.create_project(developer.id, name="Default project", limit=None, cause=cause)
        for owner in (project.id, None):
            new, key = mint_key(self.peppers, owner, "Default")
            await changes.create_key(developer.id, owner, new, cause=cause)
            keys.append(key)
        return {"project_id": project.id, "api_key": keys[0], "developer_key": keys[1]}

    async def _person(self, request: web.Request, body: UserCreateRequest) -> NewPerson:
        hashed = await self.passwords.hash(body.password, client=self.client_addresses.of(request))
        return NewPerson(body.email, hashed, body.full_name)


def require_tier(tiers: Mapping[str, Tier], tier: str) -> None:
    """Refuse a tier that is not configured, naming those that are."""
    if tier not in tiers:
        raise invalid_field("body", "tier", f"must be one of {', '.join(tiers)}", "value_error.const")
