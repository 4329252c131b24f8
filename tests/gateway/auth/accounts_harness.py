"""A gateway with the routes of accounts alone, and builders of tenants."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import jwt
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from multidict import CIMultiDict

from domain.accounts.access import Claims, Role
from domain.accounts.keys import Peppers, display_prefix, mint
from events.envelope import Cause
from gateway.auth.authentication import Authenticator
from gateway.auth.sessions import TokenPair
from gateway.auth.tokens import Tokens, key_id
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.writes import random_id
from tests.builders.clock import Clock

SECRET = "the secret that signs tokens in these tests"
RETIRED_SECRET = "the secret that signed them until yesterday"
OPERATOR_KEY = "op_key_of_these_tests_and_no_other_place"
PASSWORD = "correct horse battery"
PEPPER = "p" * 32
CAUSE = Cause(actor="operator")
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
    client: "TestClient[web.Request, web.Application]"
    accounts: Accounts
    changes: AccountChanges
    authenticator: Authenticator
    tokens: Tokens
    peppers: Peppers
    clock: Clock
    password_hash: str
    dependencies: dict[str, Any]
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def developer(self, tier: str = "cloud_premium") -> str:
        email = f"developer{next(self.numbers)}@example.com"
        made = await self.changes.register_developer(
            email=email, password_hash=self.password_hash, tier=tier, cause=CAUSE
        )
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
        return await self.neighbour(lone)

    async def keep_key(
        self, developer_id: str, project_id: str | None, key: str, peppers: Peppers | None = None
    ) -> str:
        """Keep a key that a test has minted; return its id."""
        kept = await self.changes.create_key(
            developer_id,
            project_id,
            key_hash=(peppers or self.peppers).hash(key),
            prefix=display_prefix(key),
            cause=CAUSE,
        )
        return kept.id

    async def neighbour(self, tenant: Tenant) -> Tenant:
        """Make another end user in the same project."""
        email = f"user{next(self.numbers)}@example.com"
        user = await self.changes.register_user(
            tenant.developer_id,
            tenant.project_id,
            email=email,
            password_hash=self.password_hash,
            cause=CAUSE,
        )
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
    """Read what a token says, unverified."""
    return jwt.decode(token, options={"verify_signature": False})


def forged(
    claims: dict[str, Any],
    secret: str = SECRET,
    algorithm: str = "HS256",
    header: Mapping[str, object] = MappingProxyType({}),
) -> str:
    """Sign any payload; the key id is that of our secret unless another is given."""
    return jwt.encode(claims, secret, algorithm, headers={"kid": key_id(SECRET), **header})


async def told(answer: ClientResponse) -> tuple[int, object]:
    """Return status and detail of a refusal."""
    body = await answer.json()
    assert body["request_id"] == answer.headers["X-Request-ID"]
    return answer.status, body["detail"]
