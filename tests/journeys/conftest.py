"""Three systems for all journeys: one of separate processes on RabbitMQ, two in a single process.

The last is on a MongoDB of its own, which its journeys kill. Each starts for the first journey that needs it;
processes that a journey has ended start before the next. The invariants of each are checked once, after its last
journey: that reads all that they have left.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import CloseAfter
from tests.journeys import invariants
from tests.systems.databases import Databases
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import MongoServer, RabbitServer, database_url, started
from tests.systems.system import System, opened_system
from tests.systems.tenants import Tenant, make_tenant

MakeTenant = Callable[..., Awaitable[Tenant]]
SHARED = ("whole", "solo", "own")


@pytest.fixture(scope="session")
def virtual_host(rabbit_server: RabbitServer) -> Iterator[str]:
    name = f"journeys-{uuid.uuid4().hex[:8]}"
    rabbit_server.create(name)
    yield name
    rabbit_server.delete(name)


@pytest.fixture(scope="session")
def whole_system(
    databases: Databases,
    rabbit_server: RabbitServer,
    virtual_host: str,
    tmp_path_factory: pytest.TempPathFactory,
    close_after: CloseAfter,
) -> Iterator[System]:
    """Gateway, worker, scheduler and sandbox, each a process, on RabbitMQ."""
    home, amqp_url = tmp_path_factory.mktemp("whole"), rabbit_server.url_of(virtual_host)
    with opened_system(home, databases, amqp_url) as system, _checked(system, close_after):
        yield system


@pytest.fixture(scope="session")
def solo_system(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, close_after: CloseAfter
) -> Iterator[System]:
    """Everything but the sandbox in one process, without RabbitMQ."""
    with opened_system(tmp_path_factory.mktemp("solo"), databases) as system, _checked(system, close_after):
        yield system


@pytest.fixture(scope="session")
def own_mongod(mongod_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    with started(MongoServer(tmp_path_factory.mktemp("server"))) as server:
        yield server


@pytest.fixture(scope="session")
def own_system(
    own_mongod: MongoServer, tmp_path_factory: pytest.TempPathFactory, close_after: CloseAfter
) -> Iterator[System]:
    """Everything but the sandbox in one process, on a MongoDB that may be killed."""
    system = System(tmp_path_factory.mktemp("own"), database_url(own_mongod.url, "journeys"), None)
    try:
        with _checked(system, close_after, own_mongod):
            yield system
    finally:
        system.close()


@contextmanager
def _checked(system: System, close_after: CloseAfter, *servers: MongoServer) -> Iterator[None]:
    """Run a system until the last journey of this process, then check it and stop it with its own servers."""
    end = cache(partial(_check_and_close, system, servers))
    close_after(Path(__file__).parent, end)
    system.start()
    yield
    end()


def _check_and_close(system: System, servers: Sequence[MongoServer]) -> None:
    system.start()
    asyncio.run(invariants.check_all(system))
    system.close()
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def system(request: pytest.FixtureRequest) -> Iterator[System]:
    """The system that a module names in `SYSTEM`; the invariants of one of its own are checked after its journeys."""
    chosen: System = request.getfixturevalue(f"{request.module.SYSTEM}_system")
    yield chosen
    if request.module.SYSTEM not in SHARED:
        chosen.start()
        asyncio.run(invariants.check_all(chosen))


@pytest.fixture
async def sandbox(system: System, session: aiohttp.ClientSession) -> SandboxClient:
    """The sandbox without faults; every process of the system runs."""
    system.start()
    sandbox = SandboxClient(system.sandbox_url, session)
    await sandbox.arm()
    return sandbox


@pytest.fixture
def new_tenant(system: System, sandbox: SandboxClient, session: aiohttp.ClientSession) -> MakeTenant:
    """Return a function that creates an end user with a developer and project, or `beside` another."""

    async def make(tier: str = "internal", *, beside: Tenant | None = None) -> Tenant:
        return await make_tenant(system, session, tier, beside=beside)

    return make


@pytest.fixture
async def tenant(new_tenant: MakeTenant) -> Tenant:
    """An end user without limits."""
    return await new_tenant()
