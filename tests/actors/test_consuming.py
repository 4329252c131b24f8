"""Queues that wait for the provider, and those that must not wait with them."""

import asyncio
from datetime import UTC, datetime

from actors.subscriptions import QUEUES
from events.commit import Commit, commit_of
from events.envelope import RecordedEvent
from events.event import Event
from exemplar.wiring import open_consumer
from rabbitmq.publisher import Publisher
from rabbitmq.settings import RabbitSettings
from rabbitmq.topology import topology
from tests.actors.workshop import BY_TEST
from tests.builders.generation import RESERVED, VALIDATED, requested
from tests.journeys.system import until

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

    async def work(event: RecordedEvent) -> None:
        done.append(event.type)

    provider = {"invocation": hang, "completion": hang, "cancellation": hang}
    handlers = {queue: provider.get(queue, work) for queue in QUEUES}
    rabbit = RabbitSettings.model_validate({"amqp_url": amqp_url, "amqp_prefetch": AT_ONCE})
    table = topology(QUEUES)
    publisher = Publisher(amqp_url, table, lambda _: None, heartbeat=10)
    await publisher.start()
    try:
        async with open_consumer(rabbit, table, handlers):
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
