"""The composition root: what every dependency is made of, by name, and what each process opens, in order."""

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic_settings import BaseSettings

from actors.hands import Hands
from actors.imaging.decoder import Decoder, DecoderSettings
from actors.jobs.backoff import Backoff
from actors.jobs.desk import Desk
from actors.jobs.scheduler import Scheduler
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from actors.settings import ActorSettings, TimeoutSettings
from actors.subscriptions import QUEUES, SUBSCRIPTIONS
from actors.webhooks.sender import Sender, open_sender
from domain.accounts.tiers import TierSettings, tiers_with
from domain.audit.checkpoint_key import CheckpointSettings
from domain.generation.lifecycle import Timeouts
from domain.generation.price import PriceSettings
from domain.webhooks.master_keys import MasterKeySettings
from domain.webhooks.settings import WebhookSettings
from events.commit import Commit
from events.visible import visible
from exemplar.clock import now
from exemplar.environment import ConfigurationError
from exemplar.gateway_wiring import (
    GATEWAY,
    GATEWAY_SETTINGS,
    in_process_wakeups,
    open_http_server,
    open_wakeups,
)
from exemplar.injection import Dependencies
from rabbitmq.broker import Handler
from rabbitmq.consumer import Consumer
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.publisher import Publisher
from rabbitmq.relay import relay
from rabbitmq.settings import RabbitSettings
from rabbitmq.topology import Topology, topology
from store.accounts.project_erasure import ProjectErasure
from store.accounts.sweep import AccountSweep
from store.adapters import ADAPTERS, open_database, prepare
from store.audit.checkpointing import open_checkpointer
from store.commits.contract import EventStore
from store.commits.outbox import Outbox
from store.errors import StoreError
from store.generations.generations import Generations
from store.generations.observations import Observations
from store.mongo.store import MongoStore
from store.quota.admission import Admission
from store.quota.requests import Requests
from store.settings import StoreSettings
from store.webhooks.webhooks import Webhooks

_RELAY_AFTER = timedelta(seconds=2)
_RELAY_BATCH = 500
_GRACE_SECONDS = 20.0

Settings = Mapping[str, type[BaseSettings]]
Clock = Callable[[], datetime]
Factory = Callable[..., Any]
Opener = Callable[..., AbstractAsyncContextManager[Any]]


SERVICES: Mapping[str, Factory] = {
    "account_changes": lambda store, clock: store.account_changes(clock),
    "admission": Admission,
    "announce": lambda publisher: publisher.announce,
    "generations": Generations,
    "holder": lambda: f"{socket.gethostname()}:{os.getpid()}",
    "observations": Observations,
    "platform_changes": lambda store, clock: store.platform_changes(clock),
    "requests": Requests,
    "store": MongoStore.on,
    "tiers": lambda tier_settings: tiers_with(tier_settings.tiers),
    "timeouts": lambda timeout_settings: timeout_settings.timeouts,
    "topology": lambda rabbit_settings: topology(QUEUES, rabbit_settings.queue_prefix),
    "visible": lambda: visible,
    "webhooks": lambda events, outgoing, webhook_settings, master_keys, announce, clock: Webhooks(
        events, outgoing, webhook_settings, keys=master_keys.keys, announce=announce, clock=clock
    ),
}


def _hands(dependency: Callable[[str], Any]) -> Hands:
    names = {"model": "provider", "settings": "actor_settings", "replicate": "replicate_settings"}
    return Hands(**{field: dependency(names.get(field, field)) for field in Hands.__dataclass_fields__})


def _account_sweep(
    *,
    accounts: Any,
    drafts: Any,
    account_changes: Any,
    platform_changes: Any,
    webhooks: Webhooks,
    actor_settings: ActorSettings,
    generations: Generations,
    lists: Any,
    personal_data: Any,
    blobs: Any,
    clock: Clock,
) -> AccountSweep:
    return AccountSweep(
        accounts=accounts,
        drafts=drafts.stale,
        changes=account_changes,
        platform=platform_changes,
        projects=ProjectErasure(
            accounts=accounts,
            changes=account_changes,
            webhooks=webhooks,
            after=timedelta(days=actor_settings.keep_deleted_projects_days),
            clock=clock,
        ),
        generations=generations,
        lists=lists,
        personal_data=personal_data,
        blobs=blobs,
        clock=clock,
    )


def _desk(
    *,
    hands: Hands,
    events: Any,
    sealed_log: Any,
    checkpointer: Any,
    subscriptions: Any,
    parking: Any,
    leases: Any,
    relay: Callable[[], Awaitable[int]],
    timeouts: Timeouts,
    sender: Sender,
    account_sweep: AccountSweep,
) -> Desk:
    polls = timedelta(seconds=2) if hands.settings.public_url is None else timeouts.redelivery
    return Desk(
        hands=hands,
        events=events,
        log=sealed_log,
        checkpoints=checkpointer,
        subscribers=subscriptions,
        parking=parking,
        leases=leases,
        relay=relay,
        tries=Backoff(first=timeouts.redelivery, longest=timedelta(minutes=5)),
        questions=Backoff(first=polls, longest=timedelta(seconds=30)),
        lists={},
        unknown={},
        cursors={},
        sender=sender,
        accounts=account_sweep,
    )


def _relay(events: Any, publisher: Any, clock: Clock) -> Callable[[], Awaitable[int]]:
    async def unpublished() -> list[Commit]:
        found: list[Commit] = await events.unpublished(before=clock() - _RELAY_AFTER, limit=_RELAY_BATCH)
        return found

    return lambda: relay(unpublished, publisher)


def _handlers(hands: Hands) -> dict[str, Handler]:
    def bound(handler: Any) -> Handler:
        return lambda event: handler(event, hands=hands)

    return {row.queue: bound(row.handler) for row in SUBSCRIPTIONS}


ACTOR_SERVICES: Mapping[str, Factory] = {
    "account_sweep": _account_sweep,
    "checkpointer": lambda checkpoint_settings, checkpoints, clock: open_checkpointer(
        checkpoint_settings, checkpoints, clock=clock
    ),
    "desk": _desk,
    "handlers": _handlers,
    "hands": _hands,
    "lost_after": lambda timeout_settings: timedelta(seconds=timeout_settings.lost_after_seconds),
    "relay": _relay,
}

SETTINGS: Settings = {
    "actor_settings": ActorSettings,
    "master_keys": MasterKeySettings,
    "price": PriceSettings,
    "rabbit_settings": RabbitSettings,
    "replicate_settings": ReplicateSettings,
    "store_settings": StoreSettings,
    "tier_settings": TierSettings,
    "timeout_settings": TimeoutSettings,
    "webhook_settings": WebhookSettings,
}
ACTOR_SETTINGS: Settings = {**SETTINGS, "decoder_settings": DecoderSettings}
SCHEDULER_SETTINGS: Settings = {**ACTOR_SETTINGS, "checkpoint_settings": CheckpointSettings}


def dependencies_of(**given: object) -> Dependencies:
    """Make the dependencies of a process; what is `given` replaces what the tables would make."""
    dependencies = Dependencies(clock=now)
    dependencies.provide({**ADAPTERS, **SERVICES, **ACTOR_SERVICES, **GATEWAY})
    dependencies.set(dependency=dependencies.get, **given)
    return dependencies


@asynccontextmanager
async def open_store(store_settings: StoreSettings) -> AsyncIterator[object]:
    """Open the database, and create what it lacks: the first proof that it answers."""
    with ExitStack() as stack:
        try:
            database = stack.enter_context(open_database(store_settings))
            await prepare(database)
        except StoreError as error:
            raise ConfigurationError(f"EXEMPLAR_MONGODB_URL: MongoDB cannot be reached ({error})") from error
        yield database


@asynccontextmanager
async def open_outbox(events: EventStore) -> AsyncIterator[Outbox]:
    """Open the outbox; at its end wait for the marks that are being cleared."""
    outbox = Outbox(events)
    yield outbox
    await outbox.drain()


@asynccontextmanager
async def open_provider(
    replicate_settings: ReplicateSettings, clock: Clock
) -> AsyncIterator[ReplicateProvider]:
    """Open the connections to the provider."""
    provider = ReplicateProvider(replicate_settings, clock=clock)
    try:
        yield provider
    finally:
        await provider.close()


@asynccontextmanager
async def open_publisher(
    rabbit_settings: RabbitSettings, topology: Topology, outbox: Outbox
) -> AsyncIterator[Publisher]:
    """Publish what this process appends to RabbitMQ."""
    url, heartbeat = rabbit_settings.amqp_url, rabbit_settings.amqp_heartbeat
    if not url:
        raise ConfigurationError("EXEMPLAR_AMQP_URL is not set: one process alone runs with `exemplar solo`")
    publisher = Publisher(url, topology, outbox.published, heartbeat=heartbeat)
    await publisher.start()
    try:
        yield publisher
    finally:
        await publisher.close()


@asynccontextmanager
async def open_in_process_broker(
    rabbit_settings: RabbitSettings, outbox: Outbox
) -> AsyncIterator[InProcessBroker]:
    """Make the broker of one process alone; `open_in_process_actors` starts it."""
    yield InProcessBroker(topology(QUEUES), outbox.published, prefetch=rabbit_settings.amqp_prefetch)


@asynccontextmanager
async def open_in_process_actors(
    publisher: InProcessBroker, handlers: Mapping[str, Handler]
) -> AsyncIterator[None]:
    """Run the actors on the events of the in-process broker."""
    await publisher.start(handlers)
    try:
        yield
    finally:
        await publisher.close(grace=_GRACE_SECONDS)


@asynccontextmanager
async def open_consumer(
    rabbit_settings: RabbitSettings, topology: Topology, handlers: Mapping[str, Handler]
) -> AsyncIterator[None]:
    """Run the actors on RabbitMQ's queues."""
    consumer = Consumer(
        rabbit_settings.amqp_url,
        handlers,
        topology=topology,
        prefetch=rabbit_settings.amqp_prefetch,
        heartbeat=rabbit_settings.amqp_heartbeat,
    )
    await consumer.start()
    try:
        yield
    finally:
        await consumer.stop(grace=_GRACE_SECONDS)


@asynccontextmanager
async def open_scheduler(desk: Desk) -> AsyncIterator[None]:
    """Run the recurring jobs."""
    scheduler = Scheduler(desk)
    scheduler.start()
    try:
        yield
    finally:
        await scheduler.stop()


@dataclass(frozen=True, slots=True)
class Process:
    """The settings that a process reads first, and the resources that it opens then, in order, by name."""

    settings: Settings
    resources: Mapping[str, Opener]


_STORE: Mapping[str, Opener] = {"database": open_store, "outbox": open_outbox, "provider": open_provider}
_ACTORS: Mapping[str, Opener] = {**_STORE, "decoder": Decoder}

PROCESSES: Mapping[str, Process] = {
    "gateway": Process(
        {**SETTINGS, **GATEWAY_SETTINGS},
        {**_STORE, "publisher": open_publisher, "http_server": open_http_server, "wakeups": open_wakeups},
    ),
    "worker": Process(ACTOR_SETTINGS, {**_ACTORS, "publisher": open_publisher, "consumer": open_consumer}),
    "scheduler": Process(
        SCHEDULER_SETTINGS,
        {**_ACTORS, "publisher": open_publisher, "sender": open_sender, "scheduler": open_scheduler},
    ),
    "solo": Process(
        {**SCHEDULER_SETTINGS, **GATEWAY_SETTINGS},
        {
            **_ACTORS,
            "publisher": open_in_process_broker,
            "actors": open_in_process_actors,
            "sender": open_sender,
            "scheduler": open_scheduler,
            "http_server": open_http_server,
            "wakeups": in_process_wakeups,
        },
    ),
}
