"""A real mongod and a real RabbitMQ in a folder of their own."""

import asyncio
import http.client
import json
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pymongo import MongoClient

from exemplar.local.mongod import Mongod
from exemplar.local.ports import Ports
from exemplar.local.rabbitmq_node import USER, RabbitNode, RabbitPorts
from store.mongo.replica_set import initiate_replica_set

PASSWORD = "only-for-the-length-of-one-test-run"


class MongoServer:
    """A mongod that can be killed and comes back on the same data."""

    def __init__(self, home: Path) -> None:
        self._mongod = Mongod(home, Ports(home / "mongod.json").of("mongod"), os.environ)
        self.url = self._mongod.url()

    def start(self) -> None:
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        self._mongod.launch()

    def wait_ready(self) -> None:
        self._mongod.wait_ready(initiate_replica_set)

    async def lose(self, *, seconds: float) -> None:
        """Kill the server and start it again after some seconds."""
        self.stop()
        await asyncio.sleep(seconds)
        self.launch()
        await asyncio.to_thread(self.wait_ready)

    def stop(self) -> None:
        self._mongod.child.kill()
        self._mongod.child.stop()


class RabbitServer:
    """A RabbitMQ node that can be killed; virtual hosts come and go in milliseconds by its HTTP API."""

    def __init__(self, home: Path) -> None:
        free = Ports(home / "rabbitmq.json")
        self._management = free.of("management")
        ports = RabbitPorts(free.of("amqp"), free.of("distribution"), free.of("epmd"), self._management)
        self._node = RabbitNode(home, ports, os.environ, password=PASSWORD, definitions=None)
        self.url = self._node.url

    def start(self) -> None:
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        self._node.launch()

    def wait_ready(self) -> None:
        self._node.wait_ready()

    async def lose(self, *, seconds: float) -> None:
        """Kill the node and start it again after some seconds."""
        self._node.node.kill()
        self._node.node.stop()
        await asyncio.sleep(seconds)
        self.launch()
        await asyncio.to_thread(self.wait_ready)

    def stop(self) -> None:
        self._node.node.kill()
        self._node.stop()

    def url_of(self, virtual_host: str) -> str:
        return f"{self.url.rpartition('/')[0]}/{virtual_host}"

    def create(self, virtual_host: str) -> None:
        self._call("PUT", f"/api/vhosts/{virtual_host}", "{}")
        self.permit(virtual_host)

    def permit(self, virtual_host: str = "%2F", *, write: str = ".*") -> None:
        """Give the user all rights in a virtual host, that to write only for names that match."""
        rights = json.dumps({"configure": ".*", "write": write, "read": ".*"})
        self._call("PUT", f"/api/permissions/{virtual_host}/{USER}", rights)

    def delete_exchange(self, name: str, virtual_host: str = "%2F") -> None:
        """Delete an exchange with its bindings; that there is none is no error."""
        self._call("DELETE", f"/api/exchanges/{virtual_host}/{name}", None, also=404)

    def delete(self, virtual_host: str) -> None:
        self._call("DELETE", f"/api/vhosts/{virtual_host}", None)

    def _call(self, method: str, path: str, body: str | None, *, also: int = 204) -> None:
        credentials = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self._management, timeout=30)
        try:
            connection.request(method, path, body, headers)
            status = connection.getresponse().status
        finally:
            connection.close()
        assert status in {201, 204, also}, f"{method} {path}: {status}"


class Servers:
    """Both servers of a system."""

    def __init__(self, home: Path) -> None:
        self.mongod, self.rabbit = MongoServer(home), RabbitServer(home)

    def start(self) -> None:
        self.mongod.launch()
        self.rabbit.launch()
        self.mongod.wait_ready()
        self.rabbit.wait_ready()

    def stop(self) -> None:
        self.rabbit.stop()
        self.mongod.stop()


Startable = TypeVar("Startable", MongoServer, RabbitServer, Servers)


@contextmanager
def started(servers: Startable) -> Iterator[Startable]:
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


def database_url(mongod_url: str, name: str) -> str:
    base, _, parameters = mongod_url.partition("?")
    return f"{base}{name}?{parameters}"


@contextmanager
def database(mongod_url: str, name: str) -> Iterator[str]:
    """Yield the URL of a database that is dropped afterwards."""
    yield database_url(mongod_url, name)
    with MongoClient[dict[str, object]](mongod_url) as client:
        client.drop_database(name)
