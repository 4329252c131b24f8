import asyncio
from datetime import UTC, datetime

from actors.subscriptions import QUEUES
from events.commit import Commit, commit_of
from events.envelope import RecordedEvent
from events.event import Event
from rabbitmq.consumer import Consumer
from rabbitmq.publisher import Publisher
from rabbitmq.topology import topology
from tests.actors.harness import BY_TEST
from tests.builders.generation import RESERVED, VALIDATED, requested
from tests.systems.waiting import until

AT_ONCE = 2


def commit(number: int, event: Event) -> Commit:
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    return commit_of(f"generation-{number}", 0, [event], cause=BY_TEST, time=moment, writer="w")


async def test_a_provider_that_hangs_stops_neither_validation_nor_quota(amqp_url: str) -> None:
    hanging: list[str] = []
    released = asyncio.Event()
    done: list[str] = []

    async def hang(event: RecordedEvent) -> None:
        hanging.append(event.id)
        await released.wait()

    async def run_actor(queue: str, event: RecordedEvent) -> None:
        if queue in ("invocation", "completion", "cancellation"):
            await hang(event)
        done.append(event.type)

    table = topology(QUEUES)
    publisher = Publisher(amqp_url, table, heartbeat=10)
    await publisher.start()
    try:
        async with Consumer(amqp_url, run_actor, topology=table, prefetch=AT_ONCE):
            for number in range(8):
                assert await publisher.publish(commit(number, RESERVED))
            await until(lambda: len(hanging) >= AT_ONCE, "all that may be called at once hangs")
            assert await publisher.publish(commit(100, requested()))
            assert await publisher.publish(commit(101, VALIDATED))
            wanted = {"generation.requested", "generation.validated"}
            await until(lambda: wanted <= set(done), "the others go on")
            released.set()
    finally:
        await publisher.close()
