"""mongod and RabbitMQ of one chaos run, which may be killed and come back on the same data."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exemplar.local.mongod import Mongod
from exemplar.local.ports import Ports
from exemplar.local.rabbitmq_node import RabbitNode, RabbitPorts
from store.mongo.replica_set import initiate_replica_set

PASSWORD = "only-for-the-length-of-one-run"


class Servers:
    """Real servers in a folder of their own."""

    def __init__(self, home: Path) -> None:
        ports = Ports(home / "servers.json")
        self.mongod = Mongod(home, ports.of("mongod"), os.environ)
        names = ("amqp", "distribution", "epmd", "management")
        rabbit = RabbitPorts(*(ports.of(name) for name in names))
        self.rabbit = RabbitNode(home, rabbit, os.environ, password=PASSWORD, definitions=None)

    def start(self) -> None:
        self.mongod.launch()
        self.rabbit.launch()
        self.mongod.wait_ready(initiate_replica_set)
        self.rabbit.wait_ready()

    async def lose_mongod(self, *, seconds: float) -> None:
        """Kill mongod and start it again after a while."""
        self.mongod.child.kill()
        self.mongod.child.stop()
        await asyncio.sleep(seconds)
        self.mongod.launch()
        await asyncio.to_thread(self.mongod.wait_ready, initiate_replica_set)

    async def lose_rabbit(self, *, seconds: float) -> None:
        """Kill RabbitMQ and start it again after a while."""
        self.rabbit.node.kill()
        self.rabbit.node.stop()
        await asyncio.sleep(seconds)
        self.rabbit.launch()
        await asyncio.to_thread(self.rabbit.wait_ready)

    def stop(self) -> None:
        self.rabbit.node.kill()
        self.rabbit.stop()
        self.mongod.child.kill()
        self.mongod.child.stop()


@contextmanager
def servers(home: Path) -> Iterator[Servers]:
    opened = Servers(home)
    try:
        opened.start()
        yield opened
    finally:
        opened.stop()
