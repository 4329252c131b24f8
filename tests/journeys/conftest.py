"""Two systems for all journeys: one of separate processes on RabbitMQ, one in a single process.

Both start when the first journey wants them and are mended before each; who changes one, mends nothing.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from pymongo import MongoClient

from tests.conftest import Post, WhenLeft
from tests.journeys import oracles
from tests.journeys.system import Sandbox, System
from tests.journeys.tenants import Tenant, make_tenant

People = Callable[..., Awaitable[Tenant]]


@pytest.fixture(scope="session")
def virtual_host(post: Post) -> Iterator[str]:
    name = f"journeys-{uuid.uuid4().hex[:8]}"
    post.create(name)
    yield name
    post.delete(name)


@pytest.fixture(scope="session")
def whole_system(
    mongod: str,
    post: Post,
    virtual_host: str,
    tmp_path_factory: pytest.TempPathFactory,
    when_left: WhenLeft,
) -> Iterator[System]:
    """Gateway, worker, scheduler and sandbox, each a process, on RabbitMQ."""
    yield from _running(tmp_path_factory.mktemp("whole"), mongod, post.url_of(virtual_host), when_left)


@pytest.fixture(scope="session")
def solo_system(
    mongod: str, tmp_path_factory: pytest.TempPathFactory, when_left: WhenLeft
) -> Iterator[System]:
    """Everything but the sandbox in one process, without RabbitMQ."""
    yield from _running(tmp_path_factory.mktemp("solo"), mongod, None, when_left)


def _running(home: Path, mongod: str, amqp_url: str | None, when_left: WhenLeft) -> Iterator[System]:
    base, _, parameters = mongod.partition("?")
    database = f"journeys_{uuid.uuid4().hex[:8]}"
    system = System(home, f"{base}{database}?{parameters}", amqp_url)
    when_left(Path(__file__).parent, system.close)
    try:
        system.start()
        yield system
    finally:
        system.close()
        with MongoClient[dict[str, object]](mongod) as client:
            client.drop_database(database)


@pytest.fixture(scope="module")
def system(request: pytest.FixtureRequest) -> Iterator[System]:
    """The system that a module names in `SYSTEM`; after its last journey the oracles are asked."""
    chosen: System = request.getfixturevalue(f"{request.module.SYSTEM}_system")
    yield chosen
    chosen.start()
    asyncio.run(oracles.look(chosen))


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


@pytest.fixture
async def sandbox(system: System, session: aiohttp.ClientSession) -> Sandbox:
    """The provider, healthy; so is the system."""
    system.start()
    sandbox = Sandbox(system.sandbox_url, session)
    await sandbox.arm()
    return sandbox


@pytest.fixture
def people(system: System, sandbox: Sandbox, session: aiohttp.ClientSession) -> People:
    """Make an end user of a tier, alone with his developer and project, or `beside` another."""

    async def make(tier: str = "internal", *, beside: Tenant | None = None) -> Tenant:
        return await make_tenant(system, session, tier, beside=beside)

    return make


@pytest.fixture
async def tenant(people: People) -> Tenant:
    """An end user whom no limit stops."""
    return await people()
