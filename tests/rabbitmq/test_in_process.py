import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from events.envelope import RecordedEvent
from events.generation import CancelRequested, GenerationProgressed
from rabbitmq.broker import Handler
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.topology import Topology, topology
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.heard import Heard


@asynccontextmanager
async def bus(
    table: Topology,
    handlers: Mapping[str, Handler],
    on_published: Callable[[str], None],
    *,
    capacity: int = 10_000,
) -> AsyncIterator[InProcessBroker]:
    opened = InProcessBroker(table, on_published, prefetch=4, capacity=capacity, publish_timeout=0.5)
    await opened.start(handlers)
    yield opened
    await opened.close(grace=0.5)


async def test_the_mark_is_cleared_only_after_the_last_subscriber_has_finished(
    table: Topology, commits: Commits, heard: Heard
) -> None:
    marks = Heard()
    slow = asyncio.Event()

    async def wait(_event: RecordedEvent) -> None:
        await slow.wait()

    handlers = {"validation": heard.handle, "quota": heard.handle, "projector": wait}
    commit = commits.of(GenerationProgressed(percent=1), CancelRequested())
    async with bus(table, handlers, marks.note) as opened:
        opened.announce(commit)
        await heard.until(lambda ids: len(ids) == 3)
        assert not await opened.publish(commit)
        assert marks.ids == []
        slow.set()
        await marks.all_of(commit.id)
        assert len(heard.ids) == 3


async def test_what_hangs_in_one_queue_holds_up_no_other(
    table: Topology, commits: Commits, heard: Heard
) -> None:
    hanging = Heard()

    async def hang(event: RecordedEvent) -> None:
        await hanging.handle(event)
        await asyncio.Event().wait()

    handlers = {"validation": hang, "quota": heard.handle}
    opened = InProcessBroker(table, Heard().note, prefetch=4)
    await opened.start(handlers)
    try:
        first = [commits.progressed() for _ in range(8)]
        for commit in first:
            opened.announce(commit)
        await hanging.until(lambda ids: len(ids) == 4)
        later = commits.progressed()
        opened.announce(later)
        await heard.all_of(*(event.id for commit in [*first, later] for event in commit.events))
    finally:
        await opened.close(grace=0.1)


async def test_what_is_unfinished_when_the_bus_closes_keeps_its_mark(
    table: Topology, commits: Commits
) -> None:
    marks: list[str] = []

    async def never(_event: RecordedEvent) -> None:
        await asyncio.Event().wait()

    async with bus(table, {"validation": never}, marks.append) as opened:
        publishing = [asyncio.create_task(opened.publish(commits.progressed())) for _ in range(8)]
    assert await asyncio.gather(*publishing) == [False] * 8
    assert marks == []


async def test_more_commits_than_the_capacity_stay_marked(
    table: Topology, commits: Commits, heard: Heard
) -> None:
    marks = Heard()
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


async def test_an_event_that_nobody_wants_is_published_at_once(commits: Commits) -> None:
    marks: list[str] = []
    commit = commits.lost()
    async with bus(topology({}), {}, marks.append) as opened:
        assert await opened.publish(commit)
    assert marks == [commit.id]


async def test_a_listener_hears_every_event_once_and_a_broken_one_disturbs_nobody(
    table: Topology, commits: Commits, heard: Heard
) -> None:
    told: list[tuple[str, int, str]] = []

    def broken(_stream: str, _version: int, _type: str) -> None:
        raise ZeroDivisionError

    commit = commits.of(GenerationProgressed(percent=1), CancelRequested())
    async with bus(table, {"projector": heard.handle}, lambda _: None) as opened:
        opened.subscribe(broken)
        stop = opened.subscribe(lambda *event: told.append(event))
        assert await opened.publish(commit)
        stop()
        assert await opened.publish(commits.cancelled())
    assert told == [
        (commit.stream, 1, "generation.progressed"),
        (commit.stream, 2, "generation.cancel_requested"),
    ]
