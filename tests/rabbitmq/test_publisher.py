import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pika import spec
from pika.frame import Method

from events.envelope import from_cloudevent
from events.invocation import GenerationProgressed
from events.owner import CancelRequested
from rabbitmq.publisher import Publisher
from rabbitmq.topology import Topology, topology
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.conftest import Proxied
from tests.rabbitmq.server import Server
from tests.systems.waiting import until

NOWHERE = "amqp://guest:guest@127.0.0.1:1/%2F"


@asynccontextmanager
async def publishing(
    url: str,
    table: Topology,
    *,
    confirm_timeout: float = 15.0,
    give_up_after: float = 10.0,
    capacity: int = 10_000,
) -> AsyncIterator[Publisher]:
    publisher = Publisher(url, table, confirm_timeout=confirm_timeout, give_up_after=give_up_after, capacity=capacity)
    await publisher.start()
    yield publisher
    await publisher.close()


async def test_a_published_commit_is_a_persistent_cloudevent_in_every_bound_queue(
    amqp_url: str, table: Topology, server: Server, commits: Commits
) -> None:
    commit = commits.of(GenerationProgressed(percent=7), CancelRequested())
    async with publishing(amqp_url, table) as publisher:
        assert await publisher.publish(commit)
    assert [properties.message_id for properties in server.take("quota", 2, seconds=1)] == [commit.events[1].id]
    [(properties, body)] = server.take_with_bodies("validation", 1)
    assert from_cloudevent(json.loads(body)) == commit.events[0]
    assert properties.content_type == "application/cloudevents+json"
    assert properties.delivery_mode == 2


async def test_announced_commits_are_all_published_once(
    amqp_url: str, table: Topology, server: Server, commits: Commits
) -> None:
    announced = [commits.progressed() for _ in range(500)]
    async with publishing(amqp_url, table) as publisher:
        assert await publisher.publish(commits.cancelled())
        for commit in announced:
            publisher.announce(commit)
    assert server.count("validation") == 500
    assert server.count("quota") == 501


async def test_the_events_of_a_stream_arrive_in_their_order(
    amqp_url: str, table: Topology, server: Server, commits: Commits
) -> None:
    announced = [commits.of(GenerationProgressed(percent=n), stream="generation-x", after=n) for n in range(50)]
    async with publishing(amqp_url, table) as publisher:
        assert await publisher.publish(commits.cancelled())
        for commit in announced:
            publisher.announce(commit)
    assert [properties.message_id for properties in server.take("validation", 50)] == [c.id for c in announced]


async def test_a_deleted_queue_is_declared_again_and_gets_the_message(
    amqp_url: str, server: Server, commits: Commits
) -> None:
    only = topology({"validation": ["generation.progressed"]})
    commit = commits.progressed()
    async with publishing(amqp_url, only) as publisher:
        assert await publisher.publish(commits.progressed())
        server.channel.queue_delete("validation")
        assert await publisher.publish(commit)
    assert [properties.message_id for properties in server.take("validation", 1)] == [commit.id]


async def test_a_deleted_exchange_is_declared_again_by_the_next_connection(
    amqp_url: str, table: Topology, server: Server, commits: Commits
) -> None:
    async with publishing(amqp_url, table) as publisher:
        assert await publisher.publish(commits.progressed())
        server.channel.exchange_delete(table.exchange)
        assert await publisher.publish(commits.progressed())


async def test_an_event_without_a_queue_counts_as_published_without_rabbitmq(commits: Commits) -> None:
    async with publishing(NOWHERE, topology({"quota": ["generation.failed"]})) as publisher:
        assert await publisher.publish(commits.lost())


async def test_announcing_while_rabbitmq_is_down_neither_blocks_nor_raises(table: Topology, commits: Commits) -> None:
    announced = [commits.progressed() for _ in range(20_000)]
    began = asyncio.get_running_loop().time()
    async with publishing(NOWHERE, table, give_up_after=0.5) as publisher:
        for commit in announced:
            publisher.announce(commit)
        took = asyncio.get_running_loop().time() - began
        assert not await publisher.publish(commits.progressed())
        assert not publisher.connected
    assert took < 10


async def test_a_commit_announced_while_rabbitmq_is_down_is_published_when_it_is_back(
    proxied_rabbit: Proxied, table: Topology, server: Server, commits: Commits
) -> None:
    async with publishing(proxied_rabbit.url, table) as publisher:
        assert await publisher.publish(commits.cancelled())
        proxied_rabbit.proxy.reset()
        await until(lambda: not publisher.connected)
        publisher.announce(commits.progressed())
        await until(lambda: server.count("validation") == 1)


async def test_no_more_commits_than_the_capacity_wait(
    amqp_url: str, table: Topology, server: Server, commits: Commits
) -> None:
    async with publishing(amqp_url, table, capacity=10) as publisher:
        assert await publisher.publish(commits.cancelled())
        for _ in range(25):
            publisher.announce(commits.progressed())
    assert server.count("validation") == 10


async def test_a_cut_connection_is_replaced_and_publishes_again(
    proxied_rabbit: Proxied, table: Topology, commits: Commits
) -> None:
    async with publishing(proxied_rabbit.url, table) as publisher:
        assert await publisher.publish(commits.progressed())
        proxied_rabbit.proxy.reset()
        assert await publisher.publish(commits.progressed())
        assert proxied_rabbit.proxy.accepted == 2


async def test_a_commit_without_a_confirm_is_published_again_over_a_new_connection(
    proxied_rabbit: Proxied, table: Topology, server: Server, commits: Commits
) -> None:
    swallowed = commits.progressed()
    async with publishing(proxied_rabbit.url, table, confirm_timeout=1.0, give_up_after=30.0) as publisher:
        assert await publisher.publish(commits.progressed())
        proxied_rabbit.proxy.silence(new=True)
        publisher.announce(swallowed)
        await until(lambda: not publisher.connected)
        proxied_rabbit.proxy.serve()
        await until(lambda: server.count("validation") == 2)
    assert [properties.message_id for properties in server.take("validation", 2)][1] == swallowed.id


async def test_a_server_that_falls_silent_counts_as_one_without_messages(
    proxied_rabbit: Proxied, table: Topology, commits: Commits
) -> None:
    async with publishing(proxied_rabbit.url, table) as publisher:
        assert await publisher.publish(commits.progressed())
        proxied_rabbit.proxy.silence()
        async with asyncio.timeout(8):  # the link itself is given up after 15 s or more
            assert await publisher.waiting() == {}
        assert publisher.connected


async def test_a_blocked_connection_is_not_written_to_until_it_is_unblocked(
    proxied_rabbit: Proxied, table: Topology, server: Server, commits: Commits
) -> None:
    async with publishing(proxied_rabbit.url, table, confirm_timeout=0.5, give_up_after=1.0) as publisher:
        assert await publisher.publish(commits.progressed())
        proxied_rabbit.proxy.send(Method(0, spec.Connection.Blocked("low on memory")).marshal())
        await until(lambda: not publisher.connected)
        publisher.announce(commits.progressed())
        assert not await publisher.publish(commits.progressed())
        assert server.count("validation") == 1
        proxied_rabbit.proxy.send(Method(0, spec.Connection.Unblocked()).marshal())
        assert await publisher.publish(commits.progressed())
        await until(lambda: server.count("validation") in (2, 3))
        assert proxied_rabbit.proxy.accepted == 1
