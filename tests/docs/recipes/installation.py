"""A whole product in one process with its sandbox, and an end user, for programs from outside."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from pymongo import MongoClient

from tests.conftest import WhenLeft
from tests.journeys.system import System
from tests.journeys.tenants import PASSWORD, make_tenant


@dataclass(frozen=True)
class Account:
    """What a user of the API is told about himself."""

    email: str
    password: str
    project_id: str
    developer_key: str
    api_key: str

    def environment(self, base_url: str) -> Mapping[str, str]:
        """Name it all as docs/recipes.md does."""
        return {
            "BASE": base_url,
            "EMAIL": self.email,
            "PASSWORD": self.password,
            "PROJECT_ID": self.project_id,
            "DEVELOPER_KEY": self.developer_key,
            "API_KEY": self.api_key,
        }


def running(home: Path, mongod: str, when_left: WhenLeft, folder: Path) -> Iterator[System]:
    """Run everything but the sandbox in one process, without RabbitMQ, for the tests of a folder."""
    base, _, parameters = mongod.partition("?")
    database = f"recipes_{uuid.uuid4().hex[:8]}"
    system = System(home, f"{base}{database}?{parameters}", None)
    when_left(folder, system.close)
    try:
        system.start()
        yield system
    finally:
        system.close()
        with MongoClient[dict[str, object]](mongod) as client:
            client.drop_database(database)


def open_account(system: System, tier: str = "internal") -> Account:
    """Make an end user alone with his developer and project."""

    async def make() -> Account:
        async with aiohttp.ClientSession() as session:
            tenant = await make_tenant(system, session, tier)
        keys = tenant.headers
        return Account(tenant.email, PASSWORD, tenant.project, keys["X-Developer-Key"], keys["X-API-Key"])

    return asyncio.run(make())
