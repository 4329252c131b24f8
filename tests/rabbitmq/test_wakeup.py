import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from events.commit import Commit
from rabbitmq.confirms import ConfirmedChannel
from rabbitmq.publisher import Publisher
from rabbitmq.topology import Topology
from rabbitmq.wakeup import OnEvent, Wakeups
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.conftest import Proxied
from tests.rabbitmq.server import Server
from tests.systems.waiting import until


class Listening:
    def __init__(self) -> None:
        self.times = asyncio.Semaphore(0)
        self.received: asyncio.Queue[tuple[str, int, str]] = asyncio.Queue()
        self.watched = asyncio.Event()
        self.watched.set()

    def receive(self, stream: str, version: int, event_type: str) -> None:
        self.received.put_nowait((stream, version, event_type))


@asynccontextmanager
async def listening(url: str, table: Topology, on_event: OnEvent | None = None) -> AsyncIterator[Listening]:
    heard = Listening()
    wakeups = Wakeups(
        url, on_event or heard.receive, heard.times.release, watched=heard.watched, topology=table, idle=0.2
    )
    await wakeups.start()
    yield heard
    await wakeups.close()


@asynccontextmanager
async def publisher(url: str, table: Topology) -> AsyncIterator[Publisher]:
    opened = Publisher(url, table)
    await opened.start()
    yield opened
    await opened.close()


async def test_every_listening_process_gets_every_event(amqp_url: str, table: Topology, commits: Commits) -> None:
    commit = commits.cancelled()
    async with (
        listening(amqp_url, table) as one,
        listening(amqp_url, table) as other,
        publisher(amqp_url, table) as broker,
    ):
        for heard in (one, other):
            await asyncio.wait_for(heard.times.acquire(), 10)
        assert await broker.publish(commit)
        for heard in (one, other):
            received = await asyncio.wait_for(heard.received.get(), 10)
            assert received == (commit.stream, 1, "generation.cancel_requested")


async def test_listening_resumes_after_the_connection_was_cut(
    proxied_rabbit: Proxied, amqp_url: str, table: Topology, commits: Commits
) -> None:
    async with listening(proxied_rabbit.url, table) as heard, publisher(amqp_url, table) as broker:
        await asyncio.wait_for(heard.times.acquire(), 10)
        proxied_rabbit.proxy.reset()
        await asyncio.wait_for(heard.times.acquire(), 10)
        assert await broker.publish(commits.cancelled())
        await asyncio.wait_for(heard.received.get(), 10)


async def test_a_foreign_message_is_ignored_and_a_failing_listener_continues(
    amqp_url: str, table: Topology, server: Server, commits: Commits
) -> None:
    received: asyncio.Queue[Any] = asyncio.Queue()

    def broken(*event: Any) -> None:
        received.put_nowait(event)
        raise ZeroDivisionError

    async with listening(amqp_url, table, broken) as heard, publisher(amqp_url, table) as broker:
        await asyncio.wait_for(heard.times.acquire(), 10)
        server.channel.basic_publish(table.exchange, "generation.nonsense", b"\x00")
        for commit in (commits.cancelled(), commits.cancelled()):
            assert await broker.publish(commit)
            assert (await asyncio.wait_for(received.get(), 10))[0] == commit.stream


async def test_a_process_listens_only_while_somebody_watches(
    amqp_url: str, table: Topology, commits: Commits, server: Server
) -> None:
    async with listening(amqp_url, table) as heard, publisher(amqp_url, table) as broker:
        await asyncio.wait_for(heard.times.acquire(), 10)
        heard.watched.clear()
        await asyncio.sleep(1)
        assert await broker.publish(commits.cancelled())
        await asyncio.sleep(0.5)
        assert heard.received.empty()
        assert heard.times.locked(), "nothing is read while nobody watches"

        heard.watched.set()
        await asyncio.wait_for(heard.times.acquire(), 10)
        commit = commits.cancelled()
        assert await broker.publish(commit)
        assert (await asyncio.wait_for(heard.received.get(), 10))[0] == commit.stream, "bound before the log is read"


def for_no_actor(commit: Commit, table: Topology) -> Commit:
    return replace(commit, idle=frozenset(table.queues))


async def test_a_listening_process_gets_events_that_are_for_no_actor(
    amqp_url: str, table: Topology, commits: Commits, server: Server
) -> None:
    async with listening(amqp_url, table) as heard, publisher(amqp_url, table) as broker:
        await asyncio.wait_for(heard.times.acquire(), 10)
        await until(lambda: broker.connected)
        commit = for_no_actor(commits.progressed(), table)
        broker.announce(commit)
        assert await asyncio.wait_for(heard.received.get(), 10) == (commit.stream, 1, "generation.progressed")
        assert [server.count(queue) for queue in table.queues] == [0, 0, 0]


async def test_nobody_is_told_again_and_again_what_nobody_listens_to(
    amqp_url: str, table: Topology, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, publish = list[Any](), ConfirmedChannel.publish

    def noted(channel: ConfirmedChannel, *message: Any) -> Any:
        published.append(publish(channel, *message))
        return published[-1]

    monkeypatch.setattr("rabbitmq.publisher._UNHEARD_S", 600.0)
    monkeypatch.setattr(ConfirmedChannel, "publish", noted)
    async with publisher(amqp_url, table) as broker:
        await until(lambda: broker.connected)
        broker.announce(for_no_actor(commits.progressed(), table))
        await asyncio.wait_for(published[0], 10)
        broker.announce(for_no_actor(commits.progressed(), table))
        assert len(published) == 1
        assert await broker.publish(commits.cancelled()), "what is for an actor is published all the same"
