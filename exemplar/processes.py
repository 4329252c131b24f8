"""The processes of the product: what each opens, in which order, until a signal ends it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import structlog

from actors.hands import Hands
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from actors.providers.webhook_secret import WebhookSecret
from actors.subscriptions import QUEUES
from exemplar.environment import ConfigurationError, read, read_door
from exemplar.scheduler_wiring import scheduling
from exemplar.wiring import Bus, Core, handlers_of, in_process, now, open_core, open_hands, publishing
from gateway.door import Door, DoorSettings, create_door
from gateway.events.broadcaster import Broadcaster
from gateway.events.event_hub import open_event_hub
from gateway.http.server import serve
from rabbitmq.consumer import Consumer
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.topology import topology
from rabbitmq.wakeup import Wakeups

Process = Callable[[], AbstractAsyncContextManager[None]]

log = structlog.get_logger()


@asynccontextmanager
async def serving(core: Core, settings: DoorSettings, bus: Bus) -> AsyncIterator[None]:
    """Open the door."""
    model = ReplicateProvider(read(ReplicateSettings), clock=now)
    door = door_of(core, settings, bus, model)
    gateway = settings.gateway
    try:
        async with (
            serve(create_door(door, settings), gateway),
            waking(core, bus, door.event_hub.broadcaster),
        ):
            log.info("listening", host=gateway.host, port=gateway.port)
            yield
    except OSError as error:
        raise ConfigurationError(
            f"EXEMPLAR_PORT {gateway.port} cannot be opened: {error.strerror}"
        ) from error
    finally:
        await model.close()


def door_of(core: Core, settings: DoorSettings, bus: Bus, model: ReplicateProvider) -> Door:
    """Collect what the door is handed."""
    return Door(
        store=core.store,
        generations=core.generations,
        admission=core.admission,
        observations=core.observations,
        webhooks=core.webhooks,
        timeouts=core.timeouts.timeouts,
        tiers=core.tiers,
        provider_secret=WebhookSecret(model, now),
        event_hub=open_event_hub(
            core.store.events, core.store.feeds, secret=settings.id_key, settings=settings.streams
        ),
        broker=lambda: _broker_health(bus),
        clock=now,
    )


@asynccontextmanager
async def waking(core: Core, bus: Bus, broadcaster: Broadcaster) -> AsyncIterator[None]:
    """Let every event that is announced wake those who watch its generation."""
    if isinstance(bus, InProcessBroker):
        forget = bus.subscribe(broadcaster.wake)
        try:
            yield
        finally:
            forget()
        return
    wakeups = Wakeups(
        core.rabbit.amqp_url,
        broadcaster.wake,
        topology=topology(QUEUES, core.rabbit.queue_prefix),
        heartbeat=core.rabbit.amqp_heartbeat,
        on_listening=broadcaster.look,
    )
    await wakeups.start()
    try:
        yield
    finally:
        await wakeups.close()


@asynccontextmanager
async def consuming(core: Core, hands: Hands) -> AsyncIterator[None]:
    """Let the actors work on RabbitMQ's queues."""
    consumer = Consumer(
        core.rabbit.amqp_url,
        handlers_of(hands),
        topology=topology(QUEUES, core.rabbit.queue_prefix),
        prefetch=core.rabbit.amqp_prefetch,
        heartbeat=core.rabbit.amqp_heartbeat,
    )
    await consumer.start()
    try:
        yield
    finally:
        await consumer.stop(grace=20.0)


@asynccontextmanager
async def gateway() -> AsyncIterator[None]:
    """Run the door against RabbitMQ."""
    settings = read_door()
    async with open_core() as core, publishing(core) as publisher, serving(core, settings, publisher):
        yield


@asynccontextmanager
async def worker() -> AsyncIterator[None]:
    """Run the actors against RabbitMQ."""
    async with open_core() as core, open_hands(core) as hands, publishing(core), consuming(core, hands):
        yield


@asynccontextmanager
async def scheduler() -> AsyncIterator[None]:
    """Run the schedule against RabbitMQ."""
    async with AsyncExitStack() as stack:
        core = await stack.enter_async_context(open_core())
        hands = await stack.enter_async_context(open_hands(core))
        publisher = await stack.enter_async_context(publishing(core))
        await stack.enter_async_context(scheduling(core, hands, publisher))
        yield


@asynccontextmanager
async def solo() -> AsyncIterator[None]:
    """Run door, actors and schedule in this one process, without RabbitMQ."""
    settings = read_door()
    async with AsyncExitStack() as stack:
        core = await stack.enter_async_context(open_core())
        hands = await stack.enter_async_context(open_hands(core))
        bus = await stack.enter_async_context(in_process(core, hands))
        await stack.enter_async_context(scheduling(core, hands, bus))
        await stack.enter_async_context(serving(core, settings, bus))
        yield


PROCESSES: Mapping[str, Process] = {
    "gateway": gateway,
    "worker": worker,
    "scheduler": scheduler,
    "solo": solo,
}


async def run(process: Process) -> None:
    """Run a process until SIGINT or SIGTERM, then end it in order."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with process():
        log.info("ready")
        await stopping.wait()
        log.info("stopping")


def _broker_health(bus: Bus) -> dict[str, str]:
    if isinstance(bus, InProcessBroker):
        return {"status": "healthy", "type": "in-process"}
    return {"status": "healthy" if bus.connected else "unreachable", "type": "rabbitmq"}
