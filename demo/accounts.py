"""The demonstration accounts of `exemplar up`: one of cloud_premium, one of free_starter."""

import hmac
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.credentials import (
    API_KEY_PREFIX,
    DEVELOPER_KEY_PREFIX,
    Passwords,
    PasswordSettings,
    display_prefix,
    mint,
)
from gateway.authentication import AuthenticationSettings
from local.vault import Secrets
from store.account_slots import AlreadyExistsError
from store.accounts import Accounts

Demo = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tenant:
    """One demonstration account: its name decides every id and key, so that a restart finds it again."""

    name: str
    tier: str
    password: str
    developer_password: str

    @property
    def email(self) -> str:
        """The end user's address."""
        return f"{self.name}@demo.example"

    @property
    def developer_email(self) -> str:
        """The developer's address."""
        return f"{self.name}-developer@demo.example"


async def seed(accounts: Accounts, authentication: AuthenticationSettings, secrets: Secrets) -> Demo:
    """Make the demonstration accounts, or find them again; return what demo.json says of them."""
    passwords = Passwords(PasswordSettings())
    premium = Tenant("demo", "cloud_premium", secrets.demo_password, secrets.demo_developer_password)
    free = Tenant("free", "free_starter", secrets.free_password, secrets.free_developer_password)
    made = await _make(premium, accounts, authentication, secrets, passwords)
    of_free = await _make(free, accounts, authentication, secrets, passwords)
    return {**made, "free": of_free}


async def _make(
    tenant: Tenant,
    accounts: Accounts,
    authentication: AuthenticationSettings,
    secrets: Secrets,
    passwords: Passwords,
) -> Demo:
    derive = _Derived(secrets.demo_seed, tenant.name)
    await _make_people(tenant, derive, accounts, passwords)
    developer_key, api_key = await _make_keys(derive, accounts, authentication)
    return {
        "email": tenant.email,
        "password": tenant.password,
        "project_id": derive.id("project"),
        "developer_key": developer_key,
        "api_key": api_key,
        "developer_email": tenant.developer_email,
        "developer_password": tenant.developer_password,
    }


async def _make_people(tenant: Tenant, derive: "_Derived", accounts: Accounts, passwords: Passwords) -> None:
    developer, project = derive.id("developer"), derive.id("project")
    with suppress(AlreadyExistsError):
        await accounts.create_developer(
            email=tenant.developer_email,
            password_hash=await passwords.hash(tenant.developer_password),
            tier=tenant.tier,
            full_name="Demo Developer",
            developer_id=developer,
        )
    with suppress(AlreadyExistsError):
        await accounts.create_project(developer, name="Demo", limit=None, project_id=project)
    with suppress(AlreadyExistsError):
        await accounts.create_user(
            developer,
            project,
            email=tenant.email,
            password_hash=await passwords.hash(tenant.password),
            user_id=derive.id("user"),
        )


async def _make_keys(
    derive: "_Derived", accounts: Accounts, authentication: AuthenticationSettings
) -> tuple[str, str]:
    developer_key = mint(DEVELOPER_KEY_PREFIX, derive.randomness("developer key"))
    api_key = mint(API_KEY_PREFIX, derive.randomness("api key"))
    with suppress(AlreadyExistsError):
        await accounts.keys.create_developer_key(
            derive.id("developer"),
            key_hash=authentication.peppers.hash(developer_key),
            prefix=display_prefix(developer_key),
            name="demo",
            key_id=derive.id("developer key id"),
        )
    with suppress(AlreadyExistsError):
        await accounts.keys.create_api_key(
            derive.id("developer"),
            derive.id("project"),
            key_hash=authentication.peppers.hash(api_key),
            prefix=display_prefix(api_key),
            name="demo",
            key_id=derive.id("api key id"),
        )
    return developer_key, api_key


class _Derived:
    """Ids and keys derived from the home's seed."""

    def __init__(self, seed: str, tenant: str) -> None:
        self._seed, self._tenant = seed.encode(), tenant

    def id(self, name: str) -> str:
        return str(UUID(bytes=self._digest(name)[:16], version=4))

    def randomness(self, name: str) -> Callable[[int], bytes]:
        return lambda size: self._digest(name)[:size]

    def _digest(self, name: str) -> bytes:
        return hmac.digest(self._seed, f"{self._tenant}:{name}".encode(), "sha256")
