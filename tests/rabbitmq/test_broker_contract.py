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
from tests.systems.waiting import until


class Broker(Protocol):
    def announce(self, commit: Commit) -> None: ...

    async def waiting(self) -> Mapping[str, int]: ...

    async def close(self, grace: float = ...) -> None: ...


class OverRabbitmq(Publisher):
    """A publisher and a consumer as one broker, with the interface of the in-process broker."""

    consuming: Consumer

    async def close(self, grace: float = 5.0) -> None:
        await super().close(grace)
        await self.consuming.close(grace)


Open = Callable[[Mapping[str, Handler]], Awaitable[Broker]]


@pytest.fixture(params=["rabbitmq", "in process"])
async def open_broker(request: pytest.FixtureRequest, table: Topology) -> AsyncIterator[Open]:
    opened: list[Broker] = []

    async def open_it(handlers: Mapping[str, Handler]) -> Broker:
        broker: OverRabbitmq | InProcessBroker
        if request.param == "rabbitmq":
            url = request.getfixturevalue("amqp_url")
            broker = over_rabbitmq = OverRabbitmq(url, table)
            broker.consuming = Consumer(url, actors_of(handlers), topology=table, prefetch=4)
            await broker.consuming.start()
            await broker.start()
            await until(lambda: over_rabbitmq.connected)
        else:
            broker = InProcessBroker(table, prefetch=4)
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


async def test_a_commit_reaches_every_subscribed_handler_once_by_its_last_event(
    open_broker: Open, table: Topology, commits: Commits, received: Received
) -> None:
    broker = await open_broker({queue: named(received, queue) for queue in table.queues})
    announced = [commits.of(GenerationProgressed(percent=n), CancelRequested()) for n in range(20)]
    for commit in announced:
        broker.announce(commit)
    versions = {"validation": 1, "quota": 2, "projector": 2}
    expected = {f"{queue} {c.stream}:{version}" for c in announced for queue, version in versions.items()}
    await received.until(lambda names: expected <= set(names))
    unexpected = {f"{queue} {c.stream}:{3 - version}" for c in announced for queue, version in versions.items()}
    assert not unexpected & set(received.ids)


async def test_a_handler_gets_the_event_as_it_was_recorded(
    open_broker: Open, table: Topology, commits: Commits
) -> None:
    got: asyncio.Future[RecordedEvent] = asyncio.get_running_loop().create_future()

    async def handle(event: RecordedEvent) -> None:
        got.set_result(event)

    broker = await open_broker({"validation": handle})
    commit = commits.progressed(42)
    broker.announce(commit)
    assert await asyncio.wait_for(got, 10) == commit.events[0]


async def test_a_failing_handler_stops_no_other_handler_and_no_later_event(
    open_broker: Open, commits: Commits, received: Received
) -> None:
    async def fail(_event: RecordedEvent) -> None:
        raise ZeroDivisionError

    handlers = {
        "validation": fail,
        "quota": named(received, "quota"),
        "projector": named(received, "projector"),
    }
    broker = await open_broker(handlers)
    first, second = commits.progressed(), commits.progressed()
    for commit in (first, second):
        broker.announce(commit)
    await received.all_of(*(f"{queue} {commit.id}" for queue in ("quota", "projector") for commit in (first, second)))


async def test_handlers_run_concurrently(open_broker: Open, table: Topology, commits: Commits) -> None:
    together = asyncio.Barrier(3)

    async def meet(_event: RecordedEvent) -> None:
        async with asyncio.timeout(10):
            await together.wait()
        met.release()

    met = asyncio.Semaphore(0)
    broker = await open_broker(dict.fromkeys(table.queues, meet))
    broker.announce(commits.progressed())
    for _ in range(3):
        await asyncio.wait_for(met.acquire(), 10)


async def test_what_waits_for_a_handler_is_counted_by_queue(
    open_broker: Open, commits: Commits, received: Received
) -> None:
    go_on = asyncio.Event()

    async def wait(event: RecordedEvent) -> None:
        await go_on.wait()
        await received.handle(event)

    broker = await open_broker({"validation": wait, "quota": received.handle, "projector": received.handle})
    for _ in range(10):
        broker.announce(commits.progressed())

    async def counted() -> bool:
        waiting = await broker.waiting()
        return [waiting[queue] for queue in ("validation", "quota", "projector")] == [6, 0, 0]

    await until(counted, every=0.2)
    go_on.set()
    await received.until(lambda ids: len(ids) == 30)


async def test_closing_waits_for_running_handlers(open_broker: Open, commits: Commits, received: Received) -> None:
    running, go_on = asyncio.Event(), asyncio.Event()

    async def handle(event: RecordedEvent) -> None:
        running.set()
        await go_on.wait()
        await received.handle(event)

    broker = await open_broker({"validation": handle, "quota": received.handle, "projector": received.handle})
    broker.announce(commits.progressed())
    await running.wait()
    await received.until(lambda ids: len(ids) == 2)  # a closing broker takes no message that comes later
    closing = asyncio.create_task(broker.close(grace=10))
    assert await asyncio.wait({closing}, timeout=0.5) == (set(), {closing})
    go_on.set()
    await closing
    assert len(received.ids) == 3


async def test_after_closing_announcing_does_not_raise(open_broker: Open, commits: Commits, received: Received) -> None:
    broker = await open_broker({"validation": received.handle})
    await broker.close(grace=5)
    broker.announce(commits.progressed())
    assert received.ids == []
