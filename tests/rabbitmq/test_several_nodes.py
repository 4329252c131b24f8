"""Every client of RabbitMQ uses another node when its own cannot be reached."""

import asyncio
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from rabbitmq.consumer import Consumer
from rabbitmq.link import Link
from rabbitmq.publisher import Publisher
from rabbitmq.session import urls_of
from rabbitmq.settings import RabbitSettings
from rabbitmq.topology import Topology
from rabbitmq.wakeup import Wakeups
from tests.rabbitmq.actors import actors_of
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.received import Received
from tests.systems.tcp_proxy import TcpProxy, proxied
from tests.systems.waiting import until

NOWHERE = "amqp://guest:guest@127.0.0.1:1/%2F"


@pytest.fixture
def nodes(amqp_url: str) -> Iterator[dict[str, TcpProxy]]:
    """Two ways to the same server, by their URL, stand for two nodes of a cluster."""
    with proxied(amqp_url) as (one, one_url), proxied(amqp_url) as (other, other_url):
        yield {one_url: one, other_url: other}


def clients(url: str, table: Topology) -> dict[str, Link]:
    watched = asyncio.Event()
    watched.set()
    return {
        "publisher": Publisher(url, table),
        "consumer": Consumer(url, actors_of({}), topology=table, own_queues=()),
        "wakeups": Wakeups(url, lambda *_: None, lambda: None, watched=watched, topology=table),
    }


@pytest.mark.parametrize("kind", ["publisher", "consumer", "wakeups"])
async def test_a_client_that_loses_its_node_continues_with_another(
    kind: str, nodes: dict[str, TcpProxy], table: Topology
) -> None:
    async with clients(",".join(nodes), table)[kind]:
        await until(lambda: sum(node.accepted for node in nodes.values()) == 1, "a node is connected")
        first, second = sorted(nodes.values(), key=lambda node: -node.accepted)
        first.refuse()

        def has_moved() -> bool:
            first.reset()
            return second.accepted == 1

        await until(has_moved, "the other node is connected")


async def test_commits_reach_actors_over_nodes_of_which_one_is_down(
    nodes: dict[str, TcpProxy], table: Topology, commits: Commits, received: Received
) -> None:
    url = f"{NOWHERE},{next(iter(nodes))}"
    run_actor = actors_of({"validation": received.handle, "quota": received.handle, "projector": received.handle})
    async with Consumer(url, run_actor, topology=table), Publisher(url, table, give_up_after=20) as publisher:
        commit = commits.progressed()
        assert await publisher.publish(commit)
        await received.until(lambda ids: commit.events[0].id in ids)


@pytest.mark.parametrize(
    ("addresses", "urls"),
    [
        ("amqp://a/", ["amqp://a/"]),
        ("amqp://u:p,q@a:1/%2F,amqps://b:2/v", ["amqp://u:p,q@a:1/%2F", "amqps://b:2/v"]),
        ("amqp://a,amqp://b,amqp://[::1]:5672", ["amqp://a", "amqp://b", "amqp://[::1]:5672"]),
    ],
)
def test_the_addresses_of_several_nodes_are_separated_by_commas(addresses: str, urls: list[str]) -> None:
    assert urls_of(RabbitSettings(amqp_url=addresses).amqp_url) == urls


@pytest.mark.parametrize(
    "addresses",
    ["amqp://a,b:5672/", "amqp://a/,", ",amqp://a/", "amqp://a/;amqp://b/", "amqp://a/, amqp://b/", "amqp://a/,b"],
)
def test_what_is_no_list_of_addresses_is_refused(addresses: str) -> None:
    with pytest.raises(ValidationError, match="amqp_url"):
        RabbitSettings(amqp_url=addresses)
