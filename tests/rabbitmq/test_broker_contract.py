"""The contract of both brokers: RabbitMQ and the in-process broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol

import pytest

from events.commit import Commit
from events.envelope import RecordedEvent
from events.invocation import GenerationProgressed
from events.owner import CancelRequested
from rabbitmq.consumer import Consumer
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.publisher import Publisher
from rabbitmq.topology import Topology
from tests.rabbitmq.actors import Handler, actors_of
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.received import Received


class Broker(Protocol):
    def announce(self, commit: Commit) -> None: ...

    async def publish(self, commit: Commit) -> bool: ...

    async def close(self, grace: float = ...) -> None: ...


class OverRabbitmq(Publisher):
    """A publisher and a consumer as one broker, with the interface of the in-process broker."""

    consuming: Consumer

    async def close(self, grace: float = 5.0) -> None:
        await super().close(grace)
        await self.consuming.close(grace)


Open = Callable[[Mapping[str, Handler], Callable[[str], None]], Awaitable[Broker]]


@pytest.fixture(params=["rabbitmq", "in process"])
async def open_broker(request: pytest.FixtureRequest, table: Topology) -> AsyncIterator[Open]:
    opened: list[Broker] = []

    async def open_it(handlers: Mapping[str, Handler], on_published: Callable[[str], None]) -> Broker:
        broker: OverRabbitmq | InProcessBroker
        if request.param == "rabbitmq":
            url = request.getfixturevalue("amqp_url")
            broker = OverRabbitmq(url, table, on_published)
            broker.consuming = Consumer(url, actors_of(handlers), topology=table, prefetch=4)
            await broker.consuming.start()
            await broker.start()
        else:
            broker = InProcessBroker(table, on_published, prefetch=4)
            await broker.start(actors_of(handlers))
        opened.append(broker)
        return broker

    yield open_it
    for broker in opened:
        await broker.close(grace=5)


def named(received: Received, queue: str) -> Handler:
    async def handle(event: RecordedEvent) -> None:
        await received.add(f"{queue} {event.id}")

    return handle


async def test_a_commit_reaches_every_subscribed_handler_once_by_its_last_event_and_its_mark_is_cleared(
    open_broker: Open, table: Topology, commits: Commits, received: Received
) -> None:
    marks = Received()
    broker = await open_broker({queue: named(received, queue) for queue in table.queues}, marks.note)
    announced = [commits.of(GenerationProgressed(percent=n), CancelRequested()) for n in range(20)]
    assert await broker.publish(commits.cancelled())
    for commit in announced:
        broker.announce(commit)
    versions = {"validation": 1, "quota": 2, "projector": 2}
    expected = {f"{queue} {c.stream}:{version}" for c in announced for queue, version in versions.items()}
    await received.until(lambda names: expected <= set(names))
    await marks.all_of(*(commit.id for commit in announced))
    unexpected = {f"{queue} {c.stream}:{3 - version}" for c in announced for queue, version in versions.items()}
    assert not unexpected & set(received.ids)


async def test_a_handler_gets_the_event_as_it_was_recorded(
    open_broker: Open, table: Topology, commits: Commits
) -> None:
    got: asyncio.Future[RecordedEvent] = asyncio.get_running_loop().create_future()

    async def handle(event: RecordedEvent) -> None:
        got.set_result(event)

    broker = await open_broker({"validation": handle}, lambda _: None)
    commit = commits.progressed(42)
    assert await broker.publish(commit)
    assert await asyncio.wait_for(got, 10) == commit.events[0]


async def test_a_failing_handler_stops_no_other_handler_no_later_event_and_no_mark(
    open_broker: Open, commits: Commits, received: Received
) -> None:
    async def fail(_event: RecordedEvent) -> None:
        raise ZeroDivisionError

    marks = Received()
    handlers = {
        "validation": fail,
        "quota": named(received, "quota"),
        "projector": named(received, "projector"),
    }
    broker = await open_broker(handlers, marks.note)
    first, second = commits.progressed(), commits.progressed()
    for commit in (first, second):
        assert await broker.publish(commit)
    await received.all_of(*(f"{queue} {commit.id}" for queue in ("quota", "projector") for commit in (first, second)))
    await marks.all_of(first.id, second.id)


async def test_handlers_run_concurrently(open_broker: Open, table: Topology, commits: Commits) -> None:
    together = asyncio.Barrier(3)

    async def meet(_event: RecordedEvent) -> None:
        async with asyncio.timeout(10):
            await together.wait()
        met.release()

    met = asyncio.Semaphore(0)
    broker = await open_broker(dict.fromkeys(table.queues, meet), lambda _: None)
    assert await broker.publish(commits.progressed())
    for _ in range(3):
        await asyncio.wait_for(met.acquire(), 10)


async def test_closing_waits_for_running_handlers(open_broker: Open, commits: Commits, received: Received) -> None:
    running, go_on = asyncio.Event(), asyncio.Event()

    async def handle(event: RecordedEvent) -> None:
        running.set()
        await go_on.wait()
        await received.handle(event)

    broker = await open_broker(
        {"validation": handle, "quota": received.handle, "projector": received.handle}, lambda _: None
    )
    publishing = asyncio.create_task(broker.publish(commits.progressed()))
    await running.wait()
    closing = asyncio.create_task(broker.close(grace=10))
    assert await asyncio.wait({closing}, timeout=0.5) == (set(), {closing})
    go_on.set()
    await closing
    assert await publishing
    assert len(received.ids) == 3


async def test_after_closing_announcing_neither_raises_nor_clears_a_mark(
    open_broker: Open, commits: Commits, received: Received
) -> None:
    marks: list[str] = []
    broker = await open_broker({"validation": received.handle}, marks.append)
    await broker.close(grace=5)
    broker.announce(commits.progressed())
    assert marks == []
