import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from events.envelope import RecordedEvent
from events.invocation import GenerationProgressed
from events.owner import CancelRequested
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.topology import Topology, topology
from tests.rabbitmq.actors import Handler, actors_of
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.received import Received


@asynccontextmanager
async def bus(
    table: Topology,
    handlers: Mapping[str, Handler],
    on_published: Callable[[str], None],
    *,
    capacity: int = 10_000,
) -> AsyncIterator[InProcessBroker]:
    opened = InProcessBroker(table, on_published, prefetch=4, capacity=capacity, publish_timeout=0.5)
    await opened.start(actors_of(handlers))
    yield opened
    await opened.close(grace=0.5)


async def test_the_mark_is_cleared_only_after_the_last_subscriber_has_finished(
    table: Topology, commits: Commits, received: Received
) -> None:
    marks = Received()
    slow = asyncio.Event()

    async def wait(_event: RecordedEvent) -> None:
        await slow.wait()

    handlers = {"validation": received.handle, "quota": received.handle, "projector": wait}
    commit = commits.of(GenerationProgressed(percent=1), CancelRequested())
    async with bus(table, handlers, marks.note) as opened:
        opened.announce(commit)
        await received.until(lambda ids: len(ids) == 2)
        assert not await opened.publish(commit)
        assert marks.ids == []
        slow.set()
        await marks.all_of(commit.id)
        assert len(received.ids) == 2


async def test_a_handler_that_hangs_delays_no_other_queue(
    table: Topology, commits: Commits, received: Received
) -> None:
    hanging = Received()

    async def hang(event: RecordedEvent) -> None:
        await hanging.handle(event)
        await asyncio.Event().wait()

    handlers = {"validation": hang, "quota": received.handle}
    opened = InProcessBroker(table, Received().note, prefetch=4)
    await opened.start(actors_of(handlers))
    try:
        first = [commits.progressed() for _ in range(8)]
        for commit in first:
            opened.announce(commit)
        await hanging.until(lambda ids: len(ids) == 4)
        later = commits.progressed()
        opened.announce(later)
        await received.all_of(*(event.id for commit in [*first, later] for event in commit.events))
    finally:
        await opened.close(grace=0.1)


async def test_a_commit_unfinished_when_the_broker_closes_keeps_its_mark(table: Topology, commits: Commits) -> None:
    marks: list[str] = []

    async def never(_event: RecordedEvent) -> None:
        await asyncio.Event().wait()

    async with bus(table, {"validation": never}, marks.append) as opened:
        publishing = [asyncio.create_task(opened.publish(commits.progressed())) for _ in range(8)]
    assert await asyncio.gather(*publishing) == [False] * 8
    assert marks == []


async def test_more_commits_than_the_capacity_stay_marked(
    table: Topology, commits: Commits, received: Received
) -> None:
    marks = Received()
    go_on = asyncio.Event()

    async def wait(_event: RecordedEvent) -> None:
        await go_on.wait()

    async with bus(table, {"validation": wait}, marks.note, capacity=5) as opened:
        for _ in range(50):
            opened.announce(commits.progressed())
        assert not await opened.publish(commits.progressed())
        go_on.set()
        await marks.until(lambda ids: len(ids) == 5)
        assert await opened.publish(commits.progressed())
    assert len(marks.ids) == 6


async def test_an_event_without_a_queue_is_published_at_once(commits: Commits) -> None:
    marks: list[str] = []
    commit = commits.lost()
    async with bus(topology({}), {}, marks.append) as opened:
        assert await opened.publish(commit)
    assert marks == [commit.id]


async def test_a_listener_gets_every_event_once_and_a_failing_one_affects_no_other(
    table: Topology, commits: Commits, received: Received
) -> None:
    heard: list[tuple[str, int, str]] = []

    def broken(_stream: str, _version: int, _type: str) -> None:
        raise ZeroDivisionError

    commit = commits.of(GenerationProgressed(percent=1), CancelRequested())
    async with bus(table, {"projector": received.handle}, lambda _: None) as opened:
        async with opened.subscribed(broken), opened.subscribed(lambda *event: heard.append(event)):
            assert await opened.publish(commit)
        assert await opened.publish(commits.cancelled())
    assert heard == [
        (commit.stream, 1, "generation.progressed"),
        (commit.stream, 2, "generation.cancel_requested"),
    ]
