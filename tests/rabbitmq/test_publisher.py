import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from pika import spec

from actors.jobs.relay import CommitPublisher, relay
from events.commit import Commit
from events.envelope import from_cloudevent
from events.invocation import GenerationProgressed
from events.owner import CancelRequested
from rabbitmq.publisher import Publisher
from rabbitmq.topology import Topology, topology
from store.commits.memory import MemoryEventStore
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.proxy import Proxy
from tests.rabbitmq.received import Received
from tests.rabbitmq.server import Server
from tests.systems.waiting import until

NOWHERE = "amqp://guest:guest@127.0.0.1:1/%2F"


@asynccontextmanager
async def publishing(
    url: str,
    table: Topology,
    on_published: Callable[[str], None],
    *,
    confirm_timeout: float = 15.0,
    capacity: int = 10_000,
) -> AsyncIterator[Publisher]:
    publisher = Publisher(url, table, on_published, confirm_timeout=confirm_timeout, capacity=capacity)
    await publisher.start()
    yield publisher
    await publisher.close()


async def test_a_published_commit_is_a_persistent_cloudevent_in_every_bound_queue(
    amqp_url: str, table: Topology, server: Server, commits: Commits
) -> None:
    commit = commits.of(GenerationProgressed(percent=7), CancelRequested())
    marks: list[str] = []
    async with publishing(amqp_url, table, marks.append) as publisher:
        assert await publisher.publish(commit)
    assert marks == [commit.id]
    assert [properties.message_id for properties in server.take("quota", 2, seconds=1)] == [commit.events[1].id]
    [(properties, body)] = server.take_with_bodies("validation", 1)
    assert from_cloudevent(json.loads(body)) == commit.events[0]
    assert properties.content_type == "application/cloudevents+json"
    assert properties.delivery_mode == 2


async def test_announced_commits_are_all_published_and_each_mark_is_cleared_once(
    amqp_url: str, table: Topology, server: Server, commits: Commits, received: Received
) -> None:
    announced = [commits.progressed() for _ in range(500)]
    async with publishing(amqp_url, table, received.note) as publisher:
        assert await publisher.publish(commits.cancelled())
        for commit in announced:
            publisher.announce(commit)
        await received.all_of(*(commit.id for commit in announced))
    assert len(received.ids) == 501
    assert server.count("validation") == 500
    assert server.count("quota") == 501


async def test_the_events_of_a_stream_arrive_in_their_order(
    amqp_url: str, table: Topology, server: Server, commits: Commits, received: Received
) -> None:
    announced = [commits.of(GenerationProgressed(percent=n), stream="generation-x", after=n) for n in range(50)]
    async with publishing(amqp_url, table, received.note) as publisher:
        assert await publisher.publish(commits.cancelled())
        for commit in announced:
            publisher.announce(commit)
        await received.all_of(*(commit.id for commit in announced))
    assert [properties.message_id for properties in server.take("validation", 50)] == [c.id for c in announced]


async def test_a_deleted_queue_is_declared_again_and_gets_the_message(
    amqp_url: str, server: Server, commits: Commits
) -> None:
    only = topology({"validation": ["generation.progressed"]})
    commit = commits.progressed()
    async with publishing(amqp_url, only, lambda _: None) as publisher:
        assert await publisher.publish(commits.progressed())
        server.channel.queue_delete("validation")
        assert await publisher.publish(commit)
    assert [properties.message_id for properties in server.take("validation", 1)] == [commit.id]


async def test_a_deleted_exchange_is_declared_again_by_the_next_connection(
    amqp_url: str, table: Topology, server: Server, commits: Commits
) -> None:
    async with publishing(amqp_url, table, lambda _: None) as publisher:
        assert await publisher.publish(commits.progressed())
        server.channel.exchange_delete(table.exchange)
        assert not await publisher.publish(commits.progressed())
        assert await publisher.publish(commits.progressed())


async def test_an_event_without_a_queue_counts_as_published_without_rabbitmq(commits: Commits) -> None:
    marks: list[str] = []
    commit = commits.lost()
    async with publishing(NOWHERE, topology({"quota": ["generation.failed"]}), marks.append) as publisher:
        assert await publisher.publish(commit)
        publisher.announce(commit)
    assert marks == [commit.id, commit.id]


async def test_announcing_while_rabbitmq_is_down_neither_blocks_nor_raises_nor_clears_a_mark(
    table: Topology, commits: Commits
) -> None:
    marks: list[str] = []
    began = asyncio.get_running_loop().time()
    async with publishing(NOWHERE, table, marks.append, confirm_timeout=0.5) as publisher:
        for _ in range(20_000):
            publisher.announce(commits.progressed())
        took = asyncio.get_running_loop().time() - began
        assert not await publisher.publish(commits.progressed())
        assert not publisher.connected
    assert marks == []
    assert took < 10


async def test_more_commits_than_the_capacity_stay_marked(
    amqp_url: str, table: Topology, server: Server, commits: Commits, received: Received
) -> None:
    async with publishing(amqp_url, table, received.note, capacity=10) as publisher:
        assert await publisher.publish(commits.cancelled())
        for _ in range(25):
            publisher.announce(commits.progressed())
        await received.until(lambda ids: len(ids) == 11)
    assert len(received.ids) == 11
    assert server.count("validation") == 10


async def test_a_commit_that_is_announced_and_relayed_at_once_is_sent_once(
    amqp_url: str, table: Topology, server: Server, commits: Commits
) -> None:
    commit = commits.progressed()
    async with publishing(amqp_url, table, lambda _: None) as publisher:
        assert await publisher.publish(commits.cancelled())
        publisher.announce(commit)
        assert all(await asyncio.gather(publisher.publish(commit), publisher.publish(commit)))
    assert server.count("validation") == 1


async def test_a_failing_callback_does_not_stop_the_publisher(amqp_url: str, table: Topology, commits: Commits) -> None:
    def broken(_commit: str) -> None:
        raise ZeroDivisionError

    async with publishing(amqp_url, table, broken) as publisher:
        assert await publisher.publish(commits.progressed())
        assert await publisher.publish(commits.progressed())


async def test_a_cut_connection_is_replaced_and_publishes_again(
    proxy: Proxy, table: Topology, commits: Commits
) -> None:
    unsure = commits.progressed()
    async with publishing(proxy.url, table, lambda _: None) as publisher:
        assert await publisher.publish(commits.progressed())
        proxy.cut()
        assert not await publisher.publish(unsure)
        assert await publisher.publish(unsure)
        assert proxy.accepted == 2


async def test_a_silent_connection_is_closed_after_the_confirm_timeout_and_commits_stay_marked(
    proxy: Proxy, table: Topology, server: Server, commits: Commits
) -> None:
    marks: list[str] = []
    swallowed = commits.progressed()
    async with publishing(proxy.url, table, marks.append, confirm_timeout=1.0) as publisher:
        assert await publisher.publish(commits.progressed())
        proxy.hold()
        assert not await publisher.publish(swallowed)
        await until(lambda: not publisher.connected)
        proxy.release()
        await until(lambda: publisher.connected)
        assert await publisher.publish(commits.progressed())
    assert swallowed.id not in marks
    assert server.count("validation") == 2


async def test_a_blocked_connection_is_not_written_to_until_it_is_unblocked(
    proxy: Proxy, table: Topology, server: Server, commits: Commits
) -> None:
    async with publishing(proxy.url, table, lambda _: None, confirm_timeout=0.5) as publisher:
        assert await publisher.publish(commits.progressed())
        proxy.say(spec.Connection.Blocked("low on memory"))
        await until(lambda: not publisher.connected)
        publisher.announce(commits.progressed())
        assert not await publisher.publish(commits.progressed())
        assert server.count("validation") == 1
        proxy.say(spec.Connection.Unblocked())
        assert await publisher.publish(commits.progressed())
        assert server.count("validation") == 2
        assert proxy.accepted == 1


async def test_the_relay_publishes_marked_commits_and_stops_at_the_first_failure(
    commits: Commits,
) -> None:
    waiting = [commits.progressed() for _ in range(350)]

    publisher = Failing(at=waiting[150])
    assert await run_relay(waiting, publisher) == 199
    assert publisher.asked == 200


async def test_the_relay_publishes_everything_through_rabbitmq(
    amqp_url: str, table: Topology, server: Server, commits: Commits
) -> None:
    waiting = [commits.progressed() for _ in range(150)]
    async with publishing(amqp_url, table, lambda _: None) as publisher:
        assert await run_relay(waiting, publisher) == 150
    assert server.count("validation") == 150


class Failing:
    def __init__(self, at: Commit) -> None:
        self.asked = 0
        self._at = at

    async def publish(self, commit: Commit) -> bool:
        self.asked += 1
        return commit is not self._at


class Marked(MemoryEventStore):
    """A store in which some commits are unpublished."""

    def __init__(self, commits: list[Commit]) -> None:
        super().__init__()
        self._marked = commits

    async def unpublished(self, *, before: datetime, limit: int) -> list[Commit]:
        return self._marked


async def run_relay(unpublished: list[Commit], publisher: CommitPublisher) -> int:
    return await relay(events=Marked(unpublished), publisher=publisher, clock=lambda: datetime.now(UTC))
