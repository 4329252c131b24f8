"""Commits, a connection that inspects RabbitMQ, and a proxy before it."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from rabbitmq.topology import Topology, topology
from tests.rabbitmq.commits import TABLE, Commits
from tests.rabbitmq.received import Received
from tests.rabbitmq.server import Server
from tests.systems.tcp_proxy import TcpProxy, proxied


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


class Proxied(NamedTuple):
    """A proxy before RabbitMQ, and the URL through it."""

    proxy: TcpProxy
    url: str


@pytest.fixture
def proxied_rabbit(amqp_url: str) -> Iterator[Proxied]:
    with proxied(amqp_url) as (proxy, url):
        yield Proxied(proxy, url)
