"""A gateway behind a trusted proxy with two routes that return the caller's identity; builders of tenants."""

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any

import jwt
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict

from domain.accounts.access import Claims, Role
from domain.accounts.keys import Peppers, display_prefix, mint
from exemplar.gateway_wiring import create_gateway
from exemplar.injection import Dependencies
from gateway.auth.authentication import Authenticator
from gateway.auth.sessions import TokenPair
from gateway.auth.tokens import Tokens, key_id
from gateway.http.client_address import ClientAddresses
from store.accounts.writes import NewKey, NewPerson, random_id
from tests.builders.clock import Clock
from tests.stores import OpenStore
from tests.systems.documented import documented
from tests.systems.gateway import CAUSE, PASSWORD, SECRET, gateway_dependencies

BEHIND_PROXY = {"client_addresses": ClientAddresses((ip_network("127.0.0.0/8"),))}
UNKNOWN = 401, "Could not validate credentials"
FORBIDDEN = 403, "Insufficient permissions for this operation"

Headers = CIMultiDict[str]


@dataclass(frozen=True)
class Tenant:
    """An end user with the credentials of the user and the developer."""

    developer_id: str
    developer_email: str
    developer_key: str
    developer_key_id: str
    project_id: str
    api_key: str
    api_key_id: str
    user_id: str
    email: str


@dataclass
class AccountsHarness:
    """An HTTP client of a gateway on `store`, with the gateway's own `dependencies`."""

    client: "TestClient[web.Request, web.Application]"
    store: OpenStore
    clock: Clock
    dependencies: Dependencies
    password_hash: str
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.accounts, self.changes = self.store.accounts, self.store.account_changes
        self.tokens: Tokens = self.dependencies.get("tokens")
        self.peppers: Peppers = self.dependencies.get("peppers")

    @asynccontextmanager
    async def another_gateway(self, **given: object) -> "AsyncIterator[AccountsHarness]":
        """Serve one more gateway on the store; what is `given` replaces its dependencies."""
        dependencies = gateway_dependencies(self.store, self.clock, **{**BEHIND_PROXY, **given})
        async with TestClient(TestServer(application(dependencies))) as client:
            yield replace(self, client=client, dependencies=dependencies)

    async def developer(self, tier: str = "cloud_premium") -> str:
        email = f"developer{next(self.numbers)}@example.com"
        person = NewPerson(email, self.password_hash)
        made = await self.changes.register_developer(person, tier=tier, cause=CAUSE)
        return made.id

    async def tenant(self, developer_id: str | None = None, tier: str = "cloud_premium") -> Tenant:
        """Make an end user in a new project, of a new developer unless one is named."""
        developer = await self.accounts.developer(developer_id or await self.developer(tier))
        assert developer is not None
        project = await self.changes.create_project(developer.id, name="garden", limit=None, cause=CAUSE)
        secret, public = mint("ak"), mint("pk")
        kept = await self.keep_key(developer.id, None, secret)
        kept_public = await self.keep_key(developer.id, project.id, public)
        lone = Tenant(
            developer_id=developer.id,
            developer_email=developer.email,
            developer_key=secret,
            developer_key_id=kept,
            project_id=project.id,
            api_key=public,
            api_key_id=kept_public,
            user_id="",
            email="",
        )
        return await self.another_user_of(lone)

    async def keep_key(
        self, developer_id: str, project_id: str | None, key: str, peppers: Peppers | None = None
    ) -> str:
        """Keep a key that a test has minted; return its id."""
        new = NewKey((peppers or self.peppers).hash(key), display_prefix(key))
        return (await self.changes.create_key(developer_id, project_id, new, cause=CAUSE)).id

    async def another_user_of(self, tenant: Tenant) -> Tenant:
        """Make another end user in the same project."""
        email = f"user{next(self.numbers)}@example.com"
        person = NewPerson(email, self.password_hash)
        user = await self.changes.register_user(tenant.developer_id, tenant.project_id, person, cause=CAUSE)
        return replace(tenant, user_id=user.id, email=email)

    def claims(self, tenant: Tenant, role: Role = Role.END_USER) -> Claims:
        is_user = role is Role.END_USER
        return Claims(
            subject=tenant.user_id if is_user else tenant.developer_id,
            role=role,
            project_id=tenant.project_id if is_user else None,
            session=random_id(),
            token_id=random_id(),
            expires_at=self.tokens.expiry("access"),
        )

    def access_token(self, tenant: Tenant, role: Role = Role.END_USER) -> str:
        return self.tokens.sign(self.claims(tenant, role), "access")

    def headers(self, tenant: Tenant) -> Headers:
        """Return the five headers of an end user."""
        return CIMultiDict(
            {
                "Authorization": f"Bearer {self.access_token(tenant)}",
                "X-User-Role": "end_user",
                "X-Developer-Key": tenant.developer_key,
                "X-Project-ID": tenant.project_id,
                "X-API-Key": tenant.api_key,
            }
        )

    def as_developer(self, tenant: Tenant) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token(tenant, Role.DEVELOPER)}"}

    async def login(self, tenant: Tenant) -> TokenPair:
        answer = await self.client.post(
            "/api/v1/auth/login",
            json={"email": tenant.email, "password": PASSWORD},
            headers={"X-Project-ID": tenant.project_id},
        )
        body = await answer.json()
        assert answer.status == 200, body
        return TokenPair(body["access_token"], body["refresh_token"])


def payload(token: str) -> dict[str, Any]:
    """Read the claims of a token, unverified."""
    return jwt.decode(token, options={"verify_signature": False})


def forged(
    claims: dict[str, Any],
    secret: str = SECRET,
    algorithm: str = "HS256",
    header: Mapping[str, object] = MappingProxyType({}),
) -> str:
    """Sign any payload; the key id is that of the current secret unless another is given."""
    return jwt.encode(claims, secret, algorithm, headers={"kid": key_id(SECRET), **header})


async def refusal_of(answer: ClientResponse) -> tuple[int, object]:
    """Return status and detail of a refusal."""
    body = await answer.json()
    assert body["request_id"] == answer.headers["X-Request-ID"]
    return answer.status, body["detail"]


def application(dependencies: Dependencies) -> web.Application:
    """Create the gateway with two more routes, which return the authenticated identity."""
    authenticator: Authenticator = dependencies.get("authenticator")

    async def submit(request: web.Request) -> web.Response:
        identity = await authenticator.authenticate_submission(request)
        return web.json_response([identity.developer_id, identity.project_id, identity.user_id])

    async def read(request: web.Request) -> web.Response:
        identity = await authenticator.authenticate_end_user(request)
        return web.json_response([identity.developer_id, identity.project_id, identity.user_id])

    app = documented(create_gateway(dependencies))
    app.add_routes([web.get("/submit", submit), web.get("/read", read)])
    return app


@asynccontextmanager
async def open_accounts(store: OpenStore, clock: Clock, **given: object) -> AsyncIterator[AccountsHarness]:
    """Serve a gateway on a store; what is `given` replaces its dependencies."""
    dependencies = gateway_dependencies(store, clock, **{**BEHIND_PROXY, **given})
    async with TestClient(TestServer(application(dependencies))) as client:
        password_hash = await dependencies.get("passwords").hash(PASSWORD)
        yield AccountsHarness(client, store, clock, dependencies, password_hash)
    await store.accounts.settle()
