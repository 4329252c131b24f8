"""An end user with credentials, for programs that use the API from outside."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from exemplar_client import Client, Login
from tests.systems.system import System
from tests.systems.tenants import PASSWORD, make_tenant


@dataclass(frozen=True)
class Account:
    """The credentials of an end user."""

    email: str
    password: str
    project_id: str
    developer_key: str
    api_key: str
    developer_email: str

    def environment(self, base_url: str) -> Mapping[str, str]:
        """Return the environment variables of docs/recipes.md."""
        return {
            "BASE": base_url,
            "EMAIL": self.email,
            "PASSWORD": self.password,
            "PROJECT_ID": self.project_id,
            "DEVELOPER_KEY": self.developer_key,
            "API_KEY": self.api_key,
            "DEVELOPER_EMAIL": self.developer_email,
            "DEVELOPER_PASSWORD": self.password,
        }


def open_account(system: System, tier: str = "internal") -> Account:
    """Create an end user with a developer and project."""

    async def make() -> Account:
        async with aiohttp.ClientSession() as session:
            tenant = await make_tenant(system, session, tier)
        keys = tenant.headers
        return Account(
            tenant.email, PASSWORD, tenant.project, keys["X-Developer-Key"], keys["X-API-Key"], tenant.developer_email
        )

    return asyncio.run(make())


def access_key_of(system: System, account: Account) -> str:
    """Create the one secret of an end user, as their developer does."""
    with Client(system.base_url, Login(account.developer_email, account.password)) as developer:
        [user] = developer.api.list_users(account.project_id)["users"]
        return str(developer.api.create_access_key(account.project_id, user["id"])["key"])
