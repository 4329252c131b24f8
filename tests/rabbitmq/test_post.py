"""One contract for both ways of the post: over RabbitMQ and inside the process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol

import pytest

from events.commit import Commit
from events.envelope import RecordedEvent
from events.generation import CancelRequested, GenerationProgressed
from rabbitmq.broker import Handler
from rabbitmq.consumer import Consumer
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.publisher import Publisher
from rabbitmq.topology import Topology
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.heard import Heard


class Post(Protocol):
    def announce(self, commit: Commit) -> None: ...

    async def publish(self, commit: Commit) -> bool: ...

    async def close(self, grace: float = ...) -> None: ...


class OverRabbitmq(Publisher):
    """A publisher and a consumer in one process, so that both ways look alike."""

    consuming: Consumer

    async def close(self, grace: float = 5.0) -> None:
        await super().close(grace)
        await self.consuming.stop(grace)


Open = Callable[[Mapping[str, Handler], Callable[[str], None]], Awaitable[Post]]


@pytest.fixture(params=["rabbitmq", "in process"])
async def open_post(request: pytest.FixtureRequest, table: Topology) -> AsyncIterator[Open]:
    opened: list[Post] = []

    async def open_it(handlers: Mapping[str, Handler], on_published: Callable[[str], None]) -> Post:
        post: OverRabbitmq | InProcessBroker
        if request.param == "rabbitmq":
            url = request.getfixturevalue("amqp_url")
            post = OverRabbitmq(url, table, on_published)
            post.consuming = Consumer(url, handlers, topology=table, prefetch=4)
            await post.consuming.start()
            await post.start()
        else:
            post = InProcessBroker(table, on_published, prefetch=4)
            await post.start(handlers)
        opened.append(post)
        return post

    yield open_it
    for post in opened:
        await post.close(grace=5)


def named(heard: Heard, queue: str) -> Handler:
    async def handle(event: RecordedEvent) -> None:
        await heard.add(f"{queue} {event.id}")

    return handle


async def test_whatever_is_announced_reaches_every_subscribed_handler_and_the_mark_is_cleared(
    open_post: Open, table: Topology, commits: Commits, heard: Heard
) -> None:
    marks = Heard()
    post = await open_post({queue: named(heard, queue) for queue in table.queues}, marks.note)
    announced = [commits.of(GenerationProgressed(percent=n), CancelRequested()) for n in range(20)]
    assert await post.publish(commits.cancelled())
    for commit in announced:
        post.announce(commit)
    expected = {f"{q} {e.id}" for c in announced for e in c.events for q in table.routes(e.type)}
    await heard.until(lambda names: expected <= set(names))
    await marks.all_of(*(commit.id for commit in announced))


async def test_a_handler_gets_the_event_as_it_was_recorded(
    open_post: Open, table: Topology, commits: Commits
) -> None:
    got: asyncio.Future[RecordedEvent] = asyncio.get_running_loop().create_future()

    async def handle(event: RecordedEvent) -> None:
        got.set_result(event)

    post = await open_post({"validation": handle}, lambda _: None)
    commit = commits.progressed(42)
    assert await post.publish(commit)
    assert await asyncio.wait_for(got, 10) == commit.events[0]


async def test_a_failing_handler_stops_neither_the_others_nor_the_next_event_nor_the_mark(
    open_post: Open, commits: Commits, heard: Heard
) -> None:
    async def fail(_event: RecordedEvent) -> None:
        raise ZeroDivisionError

    marks = Heard()
    handlers = {"validation": fail, "quota": named(heard, "quota"), "projector": named(heard, "projector")}
    post = await open_post(handlers, marks.note)
    first, second = commits.progressed(), commits.progressed()
    for commit in (first, second):
        assert await post.publish(commit)
    await heard.all_of(
        *(f"{queue} {commit.id}" for queue in ("quota", "projector") for commit in (first, second))
    )
    await marks.all_of(first.id, second.id)


async def test_handlers_run_beside_each_other(open_post: Open, table: Topology, commits: Commits) -> None:
    together = asyncio.Barrier(3)

    async def meet(_event: RecordedEvent) -> None:
        async with asyncio.timeout(10):
            await together.wait()
        met.release()

    met = asyncio.Semaphore(0)
    post = await open_post(dict.fromkeys(table.queues, meet), lambda _: None)
    assert await post.publish(commits.progressed())
    for _ in range(3):
        await asyncio.wait_for(met.acquire(), 10)


async def test_closing_waits_for_running_handlers(open_post: Open, commits: Commits, heard: Heard) -> None:
    running, go_on = asyncio.Event(), asyncio.Event()

    async def handle(event: RecordedEvent) -> None:
        running.set()
        await go_on.wait()
        await heard.handle(event)

    post = await open_post(
        {"validation": handle, "quota": heard.handle, "projector": heard.handle}, lambda _: None
    )
    publishing = asyncio.create_task(post.publish(commits.progressed()))
    await running.wait()
    closing = asyncio.create_task(post.close(grace=10))
    assert await asyncio.wait({closing}, timeout=0.5) == (set(), {closing})
    go_on.set()
    await closing
    assert await publishing
    assert len(heard.ids) == 3


async def test_after_closing_announcing_neither_raises_nor_clears_a_mark(
    open_post: Open, commits: Commits, heard: Heard
) -> None:
    marks: list[str] = []
    post = await open_post({"validation": heard.handle}, marks.append)
    await post.close(grace=5)
    post.announce(commits.progressed())
    assert marks == []
