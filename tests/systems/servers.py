"""A real mongod and a real RabbitMQ in a folder of their own."""

import asyncio
import http.client
import json
import os
import time
from asyncio.subprocess import PIPE
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from exemplar.local.mongod import Mongod
from exemplar.local.ports import Ports, listening
from exemplar.local.rabbitmq_node import SERVER, USER, RabbitNode, RabbitPorts
from store.mongo.replica_set import initiate_replica_set

PASSWORD = "only-for-the-length-of-one-test-run"


class MongoServer:
    """A mongod that can be killed and comes back on the same data."""

    def __init__(self, home: Path) -> None:
        self._mongod = Mongod(home, Ports(home / "mongod.json").of("mongod"), os.environ)
        self.url = self._mongod.url()
        self.kills = 0

    def start(self) -> None:
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        self._mongod.launch()

    def wait_ready(self) -> None:
        """Wait for the server, which then deletes nothing by age: clocks of tests may stand at a day long past."""
        self._mongod.wait_ready(initiate_replica_set)
        with MongoClient[dict[str, object]](self.url) as client:
            client.admin.command({"setParameter": 1, "ttlMonitorEnabled": False})

    async def lose(self, *, seconds: float) -> None:
        """Kill the server and start it again after some seconds."""
        self.kills += 1
        self.stop()
        await asyncio.sleep(seconds)
        self.launch()
        await asyncio.to_thread(self.wait_ready)

    def stop(self) -> None:
        self._mongod.child.kill()
        self._mongod.child.stop()

    def terminate(self) -> None:
        """End the server by SIGTERM."""
        self._mongod.child.stop()

    @property
    def running(self) -> bool:
        return self._mongod.child.running()

    @property
    def pid(self) -> int:
        return self._mongod.child.pid or 0

    @property
    def data(self) -> Path:
        """The folder of its files."""
        return self._mongod.data

    def write_all(self) -> bool:
        """Ask the server to write everything to its disk; tell whether it could."""
        direct = self.url.replace("replicaSet", "directConnection=true&replicaSet")
        with MongoClient[dict[str, object]](direct, serverSelectionTimeoutMS=2000, socketTimeoutMS=10_000) as client:
            try:
                client.admin.command("fsync")
            except PyMongoError:
                return False
        return True


ELECT_LEADERS = """
length([ra:trigger_election(Member) || Queue <- rabbit_amqqueue:list(), Member <- [amqqueue:get_pid(Queue)],
  amqqueue:get_type(Queue) =:= rabbit_quorum_queue, element(1, ra:members(Member, 2000)) =/= ok]).
"""
"""The command of docs/reliability.md for every quorum queue whose leader nobody knows."""


class RabbitServer:
    """A RabbitMQ node that can be killed; virtual hosts come and go in milliseconds by its HTTP API.

    With `runs` another process runs it in the same folder.
    """

    def __init__(self, home: Path, *, runs: bool = False) -> None:
        kept = Ports(home / "rabbitmq.json")
        port_of = kept.known if runs else kept.of
        self._management = port_of("management")
        ports = RabbitPorts(port_of("amqp"), port_of("distribution"), port_of("epmd"), self._management)
        self._node = RabbitNode(home, ports, os.environ, password=PASSWORD, definitions=None)
        self.url = self._node.url
        self.kills = 0

    def start(self) -> None:
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        self._node.launch()

    def wait_ready(self) -> None:
        self._node.wait_ready()

    async def lose(self, *, seconds: float) -> None:
        """Kill the node and start it again after some seconds."""
        self.kills += 1
        self._node.node.kill()
        self._node.node.stop()
        await asyncio.sleep(seconds)
        self.launch()
        await asyncio.to_thread(self.wait_ready)

    def stop(self) -> None:
        self._node.node.kill()
        self._node.stop()

    async def limit_memory(self, share: float) -> None:
        """Set the share of the machine's memory above which the node blocks whoever publishes."""
        await self._control("set_vm_memory_high_watermark", str(share))

    async def elect_leaders(self) -> int:
        """Let the quorum queues that found no leader since a kill elect one; return how many did not have one."""
        return int(await self._control("eval", ELECT_LEADERS))

    async def _control(self, *arguments: str) -> str:
        command = str(SERVER.with_name("rabbitmqctl")), "--quiet", *arguments
        process = await asyncio.create_subprocess_exec(
            *command, env=self._node.node.program.env, stdout=PIPE, stderr=PIPE
        )
        output, error = await process.communicate()
        assert process.returncode == 0, error.decode()
        return output.decode()

    def blocks_publishers(self) -> bool:
        """Tell whether the node has raised its memory alarm."""
        return bool(json.loads(self._call("GET", "/api/nodes", None))[0]["mem_alarm"])

    @contextmanager
    def lent(self, kind: str) -> Iterator[str]:
        """Make a virtual host of its own for the length of a test; yield its address."""
        name = f"{kind}-{uuid4().hex[:8]}"
        self.create(name)
        try:
            yield self.url_of(name)
        finally:
            self.delete(name)

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

    def queues(self) -> list[dict[str, Any]]:
        """List the queues of all virtual hosts, without those that only one connection may read."""
        return [queue for queue in json.loads(self._call("GET", "/api/queues", None)) if not queue["exclusive"]]

    def messages(self, virtual_host: str, queue: str) -> list[dict[str, Any]]:
        """Read all messages of a queue, up to 10,000, and leave them in it."""
        wanted = json.dumps({"count": 10_000, "ackmode": "ack_requeue_true", "encoding": "auto"})
        return list(json.loads(self._call("POST", f"/api/queues/{quote(virtual_host, safe='')}/{queue}/get", wanted)))

    def delete(self, virtual_host: str) -> None:
        self._call("DELETE", f"/api/vhosts/{virtual_host}", None)

    def _call(self, method: str, path: str, body: str | None, *, also: int = 204) -> bytes:
        return call_management(self._node.host, self._management, method, path, body, also=also)


def call_management(host: str, port: int, method: str, path: str, body: str | None = None, *, also: int = 204) -> bytes:
    """Call the HTTP API of a RabbitMQ node; return the body of the answer; `also` is one more status that is right."""
    credentials = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(host, port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    assert response.status in {200, 201, 204, also}, f"{method} {path}: {response.status}"
    return answer


class Servers:
    """Both servers of a system."""

    def __init__(self, home: Path) -> None:
        self.mongod, self.rabbit = MongoServer(home), RabbitServer(home)

    @property
    def kills(self) -> int:
        """Count how often one of them was killed to start again."""
        return self.mongod.kills + self.rabbit.kills

    @property
    def urls(self) -> tuple[str, str]:
        """The addresses of MongoDB and RabbitMQ."""
        return self.mongod.url, self.rabbit.url

    def start(self) -> None:
        self.mongod.launch()
        self.rabbit.launch()
        self.mongod.wait_ready()
        self.rabbit.wait_ready()

    def stop(self) -> None:
        self.rabbit.stop()
        self.mongod.stop()


def wait_listening(server: RabbitServer, within: float = 60.0) -> None:
    """Wait until a node that another process has launched accepts connections."""
    port, deadline = urlsplit(server.url).port or 0, time.monotonic() + within
    while not listening(port):
        assert time.monotonic() < deadline, f"RabbitMQ does not listen on port {port}"
        time.sleep(0.05)


class Startable(Protocol):
    """What `started` runs."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


Started = TypeVar("Started", bound=Startable)


@contextmanager
def started(servers: Started) -> Iterator[Started]:
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


def database_url(mongod_url: str, name: str) -> str:
    base, _, parameters = mongod_url.partition("?")
    return f"{base}{name}?{parameters}"
