"""The demonstration accounts of `exemplar up`: one of cloud_premium, one of free_starter."""

import hmac
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from domain.accounts.access_keys import Scope
from domain.accounts.keys import Peppers
from domain.accounts.passwords import Passwords
from events.envelope import Cause
from events.generation import Owner
from exemplar.local.hooks import Demo
from exemplar.local.secrets_file import Secrets
from gateway.auth.settings import AuthenticationSettings, PasswordSettings
from store.accounts.changes import AccountChanges
from store.accounts.writes import NewAccessKey, NewPerson, mint_access_key, mint_key
from store.errors import AlreadyExistsError

_CAUSE = Cause(actor="operator")


@dataclass(frozen=True, slots=True)
class Tenant:
    """One demonstration account; ids and keys derive from its name and are the same after a restart."""

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


async def seed(changes: AccountChanges, authentication: AuthenticationSettings, secrets: Secrets) -> Demo:
    """Create the demonstration accounts that do not exist yet; return their credentials for demo.json."""
    passwords = PasswordSettings().passwords
    premium = Tenant("demo", "cloud_premium", secrets.demo_password, secrets.demo_developer_password)
    free = Tenant("free", "free_starter", secrets.free_password, secrets.free_developer_password)
    made = await _make(premium, changes, authentication, secrets, passwords)
    of_free = await _make(free, changes, authentication, secrets, passwords)
    return {**made, "free": of_free}


async def _make(
    tenant: Tenant,
    changes: AccountChanges,
    authentication: AuthenticationSettings,
    secrets: Secrets,
    passwords: Passwords,
) -> Demo:
    derive = _Derived(secrets.demo_seed, tenant.name)
    await _make_people(tenant, derive, changes, passwords)
    project, peppers = derive.id("project"), authentication.peppers
    return {
        "email": tenant.email,
        "password": tenant.password,
        "project_id": project,
        "developer_key": await _make_key("developer key", None, derive, changes, peppers),
        "api_key": await _make_key("api key", project, derive, changes, peppers),
        "access_key": await _make_access_key(derive, changes, peppers),
        "developer_email": tenant.developer_email,
        "developer_password": tenant.developer_password,
    }


async def _make_people(tenant: Tenant, derive: "_Derived", changes: AccountChanges, passwords: Passwords) -> None:
    developer, project, user = derive.id("developer"), derive.id("project"), derive.id("user")
    with suppress(AlreadyExistsError):
        password = await passwords.hash(tenant.developer_password)
        person = NewPerson(tenant.developer_email, password, "Demo Developer", developer)
        await changes.register_developer(person, tier=tenant.tier, cause=_CAUSE)
    with suppress(AlreadyExistsError):
        await changes.create_project(developer, name="Demo", limit=None, project_id=project, cause=_CAUSE)
    with suppress(AlreadyExistsError):
        person = NewPerson(tenant.email, await passwords.hash(tenant.password), id=user)
        await changes.register_user(developer, project, person, cause=_CAUSE)


async def _make_key(
    name: str, project: str | None, derive: "_Derived", changes: AccountChanges, peppers: Peppers
) -> str:
    new, key = mint_key(peppers, project, "demo", key_id=derive.id(f"{name} id"), randomness=derive.randomness(name))
    with suppress(AlreadyExistsError):
        await changes.create_key(derive.id("developer"), project, new, cause=_CAUSE)
    return key


async def _make_access_key(derive: "_Derived", changes: AccountChanges, peppers: Peppers) -> str:
    key_id, randomness = derive.id("access key id"), derive.randomness("access key")
    new, key = mint_access_key(peppers, "demo", key_id=key_id, randomness=randomness)
    owner = Owner(developer=derive.id("developer"), project=derive.id("project"), user=derive.id("user"))
    with suppress(AlreadyExistsError):
        await changes.access_keys.create(owner, NewAccessKey(new, tuple(Scope), None), cause=_CAUSE)
    return key


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
