"""A private RabbitMQ node that is killed."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from exemplar.local.ports import Ports
from exemplar.local.rabbitmq_node import RabbitNode, RabbitPorts
from rabbitmq.consumer import Consumer
from rabbitmq.publisher import Publisher
from rabbitmq.topology import definitions_json, topology
from rabbitmq.wakeup import Wakeups
from tests.conftest import missing
from tests.rabbitmq.actors import actors_of
from tests.rabbitmq.commits import TABLE, Commits
from tests.rabbitmq.received import Received
from tests.rabbitmq.server import Server
from tests.systems.servers import PASSWORD


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RabbitNode]:
    """Run a node that loads the printed definitions of the topology when it starts."""
    if not RabbitNode.available():
        missing("no RabbitMQ: apt install rabbitmq-server")
    printed = tmp_path / "definitions.json"
    printed.write_text(definitions_json(topology(TABLE)))
    free = Ports(tmp_path / "ports.json")
    ports = RabbitPorts(free.of("amqp"), free.of("distribution"), free.of("epmd"))
    node = RabbitNode(tmp_path, ports, os.environ, password=PASSWORD, definitions=printed)
    try:
        node.launch()
        node.wait_ready()
        yield node
    finally:
        node.node.kill()
        node.stop()


async def test_a_killed_node_loses_no_confirmed_commit_and_all_clients_reconnect(
    node: RabbitNode, commits: Commits
) -> None:
    server = Server(node.url)
    assert server.exists("validation")
    assert server.exists("validation.dead")
    server.close()
    table = topology(TABLE)
    confirmed, received, listening = Received(), Received(), asyncio.Semaphore(0)
    publisher = Publisher(node.url, table, give_up_after=5)
    watched = asyncio.Event()
    watched.set()
    wakeups = Wakeups(node.url, lambda *_: None, listening.release, watched=watched, topology=table)
    await publisher.start()
    await wakeups.start()
    announcing = asyncio.create_task(publish_for_ever(publisher, commits, confirmed))
    await listening.acquire()
    await confirmed.until(lambda ids: len(ids) > 500)
    node.node.kill()
    await asyncio.to_thread(node.node.stop)
    before = len(confirmed.ids)
    consumers = Consumer(node.url, actors_of({"validation": received.handle}), topology=table, prefetch=8)
    await consumers.start()
    assert not await Publisher(node.url, table, give_up_after=0.5).publish(commits.progressed())
    node.launch()
    await confirmed.until(lambda ids: len(ids) > before + 500, seconds=40)
    await asyncio.wait_for(listening.acquire(), 20)
    announcing.cancel()
    await publisher.close()
    await received.until(lambda ids: set(confirmed.ids) <= set(ids), seconds=40)
    await consumers.close()
    await wakeups.close()


async def publish_for_ever(publisher: Publisher, commits: Commits, confirmed: Received) -> None:
    async def publish() -> None:
        commit = commits.progressed()
        if await publisher.publish(commit):
            confirmed.note(commit.id)

    async with asyncio.TaskGroup() as running:
        while True:
            for _ in range(5):
                running.create_task(publish())
            await asyncio.sleep(0.01)
