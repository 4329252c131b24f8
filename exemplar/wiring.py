"""The composition root: opens what a process needs, hands it out, closes it in order."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from actors.hands import Hands
from actors.imaging.decoder import Decoder, DecoderSettings
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from actors.settings import ActorSettings, TimeoutSettings
from actors.subscriptions import QUEUES, SUBSCRIPTIONS, Subscription
from domain.accounts.tiers import Tier, TierSettings, tiers_with
from domain.generation.price import PriceSettings
from domain.webhooks.master_keys import MasterKeySettings
from domain.webhooks.settings import WebhookSettings
from events.commit import Commit
from events.envelope import RecordedEvent
from exemplar.clock import now
from exemplar.environment import ConfigurationError, read
from gateway.events.visible import visible
from rabbitmq.broker import Handler
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.publisher import Publisher
from rabbitmq.settings import RabbitSettings
from rabbitmq.topology import topology
from store.commits.outbox import Outbox
from store.errors import StoreError
from store.generations.generations import Generations
from store.generations.observations import Observations
from store.mongo.store import MongoStore
from store.quota.admission import Admission
from store.settings import StoreSettings
from store.webhooks.webhooks import Webhooks

Bus = Publisher | InProcessBroker

log = structlog.get_logger()


@dataclass(slots=True)
class Post:
    """The announcer that the repository is given before the post room is open: until then marks stay."""

    bus: Bus | None = field(default=None)

    def announce(self, commit: Commit) -> None:
        """Hand a commit to the post room, if it is open."""
        if self.bus is not None:
            self.bus.announce(commit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What every process has: the memory, and the two ways to write into it."""

    store: MongoStore
    post: Post
    outbox: Outbox
    generations: Generations
    admission: Admission
    observations: Observations
    webhooks: Webhooks
    tiers: dict[str, Tier]
    actors: ActorSettings
    timeouts: TimeoutSettings
    rabbit: RabbitSettings


@asynccontextmanager
async def open_core() -> AsyncIterator[Core]:
    """Open the store and prove that it answers."""
    rabbit, actors, webhooks = read(RabbitSettings), read(ActorSettings), read(WebhookSettings)
    holder = f"{socket.gethostname()}:{os.getpid()}"
    store = await _open_store(holder)
    try:
        post, outbox = Post(), Outbox(store.events)
        generations = Generations(store.events, announce=post.announce, clock=now)
        keys = read(MasterKeySettings).keys
        yield Core(
            store=store,
            post=post,
            outbox=outbox,
            generations=generations,
            admission=Admission(store.ledger, generations, clock=now, durations=store.durations),
            observations=Observations(
                generations, store.personal_data, store.predictions, read(PriceSettings)
            ),
            webhooks=Webhooks(
                store.events, store.outgoing, webhooks, keys=keys, announce=post.announce, clock=now
            ),
            tiers=dict(tiers_with(read(TierSettings).tiers)),
            actors=actors,
            timeouts=read(TimeoutSettings),
            rabbit=rabbit,
        )
        await outbox.drain()
    finally:
        store.close()


async def _open_store(holder: str) -> MongoStore:
    try:
        store = MongoStore.open(read(StoreSettings), holder=holder, clock=now)
        await store.prepare()
    except StoreError as error:
        raise ConfigurationError(f"EXEMPLAR_MONGODB_URL: MongoDB cannot be reached ({error})") from error
    return store


@asynccontextmanager
async def open_hands(core: Core) -> AsyncIterator[Hands]:
    """Open what the actors need besides: the model and the decoder."""
    replicate = read(ReplicateSettings)
    model = ReplicateProvider(replicate, clock=now)
    try:
        async with Decoder(read(DecoderSettings)) as decoder:
            yield Hands(
                generations=core.generations,
                personal_data=core.store.personal_data,
                blobs=core.store.blobs,
                admission=core.admission,
                observations=core.observations,
                projection=core.store.projection,
                decoder=decoder,
                model=model,
                settings=core.actors,
                replicate=replicate,
                timeouts=core.timeouts.timeouts,
                lost_after=timedelta(seconds=core.timeouts.lost_after_seconds),
                tiers=core.tiers,
                webhooks=core.webhooks,
                visible=visible,
                clock=now,
            )
    finally:
        await model.close()


def handlers_of(hands: Hands) -> dict[str, Handler]:
    """Bind every subscription's handler to its dependencies."""

    def bound(subscription: Subscription) -> Handler:
        async def handle(event: RecordedEvent) -> None:
            await subscription.handler(event, hands=hands)

        return handle

    return {subscription.queue: bound(subscription) for subscription in SUBSCRIPTIONS}


@asynccontextmanager
async def publishing(core: Core) -> AsyncIterator[Publisher]:
    """Publish what this process appends to RabbitMQ."""
    if not core.rabbit.amqp_url:
        raise ConfigurationError("EXEMPLAR_AMQP_URL is not set: one process alone runs with `exemplar solo`")
    table = topology(QUEUES, core.rabbit.queue_prefix)
    heartbeat = core.rabbit.amqp_heartbeat
    publisher = Publisher(core.rabbit.amqp_url, table, core.outbox.published, heartbeat=heartbeat)
    await publisher.start()
    core.post.bus = publisher
    try:
        yield publisher
    finally:
        await publisher.close()


@asynccontextmanager
async def in_process(core: Core, hands: Hands) -> AsyncIterator[InProcessBroker]:
    """Let the actors work inside this process, without RabbitMQ."""
    bus = InProcessBroker(
        topology(QUEUES), handlers_of(hands), core.outbox.published, prefetch=core.rabbit.amqp_prefetch
    )
    await bus.start()
    core.post.bus = bus
    try:
        yield bus
    finally:
        await bus.close(grace=20.0)
