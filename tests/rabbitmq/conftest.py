"""Commits, a connection that inspects RabbitMQ, and a proxy that can be cut."""

from collections.abc import AsyncIterator, Iterator

import pytest

from rabbitmq.topology import Topology, topology
from tests.rabbitmq.commits import TABLE, Commits
from tests.rabbitmq.proxy import Proxy
from tests.rabbitmq.received import Received
from tests.rabbitmq.server import Server


@pytest.fixture
def table() -> Topology:
    return topology(TABLE)


@pytest.fixture
def commits() -> Commits:
    return Commits()


@pytest.fixture
def received() -> Received:
    return Received()


@pytest.fixture
def server(amqp_url: str) -> Iterator[Server]:
    server = Server(amqp_url)
    yield server
    server.close()


@pytest.fixture
async def proxy(amqp_url: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(amqp_url)
    await proxy.start()
    yield proxy
    await proxy.close()
