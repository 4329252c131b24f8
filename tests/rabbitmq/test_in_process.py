import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from events.envelope import RecordedEvent
from events.invocation import GenerationProgressed
from events.owner import CancelRequested
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.topology import Topology
from tests.rabbitmq.actors import Handler, actors_of
from tests.rabbitmq.commits import Commits
from tests.rabbitmq.received import Received


@asynccontextmanager
async def bus(
    table: Topology, handlers: Mapping[str, Handler], *, capacity: int = 10_000, grace: float = 0.5
) -> AsyncIterator[InProcessBroker]:
    opened = InProcessBroker(table, prefetch=4, capacity=capacity)
    await opened.start(actors_of(handlers))
    yield opened
    await opened.close(grace=grace)


async def test_a_handler_that_hangs_delays_no_other_queue(
    table: Topology, commits: Commits, received: Received
) -> None:
    hanging = Received()

    async def hang(event: RecordedEvent) -> None:
        await hanging.handle(event)
        await asyncio.Event().wait()

    async with bus(table, {"validation": hang, "quota": received.handle}, grace=0.1) as opened:
        first = [commits.progressed() for _ in range(8)]
        for commit in first:
            opened.announce(commit)
        await hanging.until(lambda ids: len(ids) == 4)
        later = commits.progressed()
        opened.announce(later)
        await received.all_of(*(event.id for commit in [*first, later] for event in commit.events))


async def test_no_more_events_than_the_capacity_are_held(table: Topology, commits: Commits, received: Received) -> None:
    go_on = asyncio.Event()

    async def wait(event: RecordedEvent) -> None:
        await go_on.wait()
        await received.handle(event)

    only = Topology({"validation": table.queues["validation"]})
    async with bus(only, {"validation": wait}, capacity=5) as opened:
        for _ in range(50):
            opened.announce(commits.progressed())
        go_on.set()
        await received.until(lambda ids: len(ids) == 5)
        await asyncio.sleep(0)
        opened.announce(commits.progressed())
        await received.until(lambda ids: len(ids) == 6)


async def test_a_listener_gets_every_event_once_and_a_failing_one_affects_no_other(
    table: Topology, commits: Commits, received: Received
) -> None:
    heard: list[tuple[str, int, str]] = []

    def broken(_stream: str, _version: int, _type: str) -> None:
        raise ZeroDivisionError

    commit, later = commits.of(GenerationProgressed(percent=1), CancelRequested()), commits.cancelled()
    async with bus(table, {"projector": received.handle}) as opened:
        async with opened.subscribed(broken), opened.subscribed(lambda *event: heard.append(event)):
            opened.announce(commit)
        opened.announce(later)
        await received.all_of(commit.events[-1].id, later.events[-1].id)
    assert heard == [
        (commit.stream, 1, "generation.progressed"),
        (commit.stream, 2, "generation.cancel_requested"),
    ]
