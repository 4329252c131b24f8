"""The composition root: what every dependency is made of, by name, and what each process opens, in order."""

import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic_settings import BaseSettings

from actors.broker import broker
from actors.callback_urls import CallbackUrls
from actors.imaging.decoder import Decoder, DecoderSettings
from actors.jobs.catch_up import CatchUp
from actors.jobs.claim_search import ClaimSearch
from actors.jobs.due_pages import DuePages
from actors.jobs.polling import Polling
from actors.jobs.reconciliation import Reconciliation
from actors.jobs.redelivery import Redelivery
from actors.jobs.retry_times import RetryTimes
from actors.jobs.schedule import JOBS, SUBSCRIBER_PERIOD, Job
from actors.jobs.scheduler import Scheduler
from actors.jobs.subscribers import SUBSCRIBERS
from actors.model_inputs import ModelInputs
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from actors.results import Results
from actors.runner import ActorRunner
from actors.settings import ActorSettings, TimeoutSettings
from actors.subscriptions import QUEUES, check_reactions
from actors.webhooks.dependencies import WEBHOOK_SERVICES
from actors.webhooks.http_client import WebhookClient
from actors.webhooks.sender import open_sender
from domain.accounts.tiers import tiers_with
from domain.generation.lifecycle import Timeouts
from domain.generation.price import Price
from events.visible import visible
from exemplar.clock import now
from exemplar.environment import ConfigurationError
from exemplar.gateway_wiring import (
    GATEWAY,
    GATEWAY_SETTINGS,
    in_process_wakeups,
    open_http_server,
    wakeups,
)
from exemplar.injection import Dependencies
from exemplar.tier_settings import TierSettings
from rabbitmq.consumer import Consumer
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.publisher import Publisher
from rabbitmq.settings import RabbitSettings
from rabbitmq.topology import Topology, topology
from store.accounts.erasure import AccountErasure
from store.accounts.project_erasure import ProjectErasure
from store.adapters import ADAPTERS, open_database, prepare
from store.audit.checkpointing import open_checkpointer
from store.audit.settings import CheckpointSettings
from store.backoff import Backoff
from store.commits.contract import EventStore
from store.commits.outbox import Outbox
from store.errors import StoreError
from store.generations.generations import Generations
from store.generations.observations import Observations
from store.quota.admission import Admission
from store.quota.requests import Requests
from store.settings import PriceSettings, StoreSettings
from store.webhooks.settings import MasterKeySettings, WebhookSettings

_POLL_SECONDS = 2.0  # without a public URL there are no callbacks

Settings = Mapping[str, type[BaseSettings]]
Clock = Callable[[], datetime]
Factory = Callable[..., Any]
Opener = Callable[..., AbstractAsyncContextManager[Any]]


def _amqp_url(rabbit_settings: RabbitSettings) -> str:
    if not rabbit_settings.amqp_url:
        raise ConfigurationError("EXEMPLAR_AMQP_URL is not set: one process alone runs with `exemplar solo`")
    return rabbit_settings.amqp_url


SERVICES: Mapping[str, Factory] = {
    "admission": Admission,
    "amqp_url": _amqp_url,
    "announce": lambda publisher: publisher.announce,
    "generations": Generations,
    "heartbeat": lambda rabbit_settings: rabbit_settings.amqp_heartbeat,
    "holder": lambda: f"{socket.gethostname()}:{os.getpid()}",
    "observations": Observations,
    "on_published": lambda outbox: outbox.published,
    "prefetch": lambda rabbit_settings: rabbit_settings.amqp_prefetch,
    "requests": Requests,
    "tiers": lambda tier_settings: tiers_with(tier_settings.tiers),
    "timeouts": lambda timeout_settings: timeout_settings.timeouts,
    "topology": lambda rabbit_settings: topology(QUEUES, rabbit_settings.queue_prefix),
    "visible": lambda: visible,
}


def _jobs(bind: Callable[..., Any]) -> list[Job]:
    """Bind the scheduled jobs, and a catch-up subscription for each subscriber."""
    catch_up = bind(CatchUp, given=["name", "handle"])
    subscribers = {name: bind(function, given=["entries"]) for name, function in SUBSCRIBERS.items()}
    return [
        *(replace(job, run=bind(job.run)) for job in JOBS),
        *(
            Job(f"subscriber:{name}", SUBSCRIBER_PERIOD, catch_up(name=name, handle=handle).run)
            for name, handle in subscribers.items()
        ),
    ]


def _run_actor(bind: Callable[..., Any]) -> ActorRunner:
    check_reactions()
    return ActorRunner(broker, bind)


def _polling_times(public_url: str | None, timeouts: Timeouts) -> RetryTimes:
    first = _POLL_SECONDS if public_url is None else timeouts.redelivery.total_seconds()
    return RetryTimes(Backoff(first=first, longest=30))


ACTOR_SERVICES: Mapping[str, Factory] = {
    "account_erasure": AccountErasure,
    "callback_key": lambda actor_settings: actor_settings.callback_key,
    "callback_urls": CallbackUrls,
    "checkpointer": lambda checkpoint_settings, checkpoints, clock: open_checkpointer(
        checkpoint_settings, checkpoints, clock=clock
    ),
    "claim_search": ClaimSearch,
    "composition": lambda actor_settings: actor_settings.composition,
    "create_seconds": lambda replicate_settings: replicate_settings.create_seconds,
    "due_pages": DuePages,
    "jobs": _jobs,
    "keep_examples_days": lambda actor_settings: actor_settings.keep_examples_days,
    "keep_pictures_days": lambda actor_settings: actor_settings.keep_pictures_days,
    "lost_after": lambda timeout_settings: timedelta(seconds=timeout_settings.lost_after_seconds),
    "model_inputs": ModelInputs,
    "polling": Polling,
    "polling_times": _polling_times,
    "price": lambda price_settings: Price(price_settings.usd_per_second),
    "erase_projects_after": lambda actor_settings: timedelta(days=actor_settings.keep_deleted_projects_days),
    "project_erasure": ProjectErasure,
    "public_url": lambda actor_settings: actor_settings.public_url,
    "reconciliation": Reconciliation,
    "redelivery": Redelivery,
    "redelivery_times": lambda timeouts: RetryTimes(
        Backoff(first=timeouts.redelivery.total_seconds(), longest=300)
    ),
    "results": Results,
    "run_actor": _run_actor,
}

SETTINGS: Settings = {
    "actor_settings": ActorSettings,
    "master_key_settings": MasterKeySettings,
    "price_settings": PriceSettings,
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
    dependencies.provide({**ADAPTERS, **SERVICES, **WEBHOOK_SERVICES, **ACTOR_SERVICES, **GATEWAY})
    dependencies.set(dependencies=dependencies, dependency=dependencies.get, bind=dependencies.bind, **given)
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


def _in_process_broker(
    topology: Topology, on_published: Callable[[str], None], prefetch: int
) -> AbstractAsyncContextManager[InProcessBroker]:
    return nullcontext(InProcessBroker(topology, on_published, prefetch=prefetch))


@dataclass(frozen=True, slots=True)
class Process:
    """The settings that a process reads first, and the resources that it opens then, in order, by name."""

    settings: Settings
    resources: Mapping[str, Opener]


_STORE: Mapping[str, Opener] = {"database": open_store, "outbox": open_outbox, "provider": ReplicateProvider}
_ACTORS: Mapping[str, Opener] = {**_STORE, "decoder": Decoder}
_SCHEDULER: Mapping[str, Opener] = {
    "webhook_client": WebhookClient,
    "sender": open_sender,
    "scheduler": Scheduler,
}

PROCESSES: Mapping[str, Process] = {
    "gateway": Process(
        {**SETTINGS, **GATEWAY_SETTINGS},
        {**_STORE, "publisher": Publisher, "http_server": open_http_server, "wakeups": wakeups},
    ),
    "worker": Process(ACTOR_SETTINGS, {**_ACTORS, "publisher": Publisher, "consumer": Consumer}),
    "scheduler": Process(
        SCHEDULER_SETTINGS,
        {**_ACTORS, "publisher": Publisher, **_SCHEDULER},
    ),
    "solo": Process(
        {**SCHEDULER_SETTINGS, **GATEWAY_SETTINGS},
        {
            **_ACTORS,
            "publisher": _in_process_broker,
            "actors": lambda publisher, run_actor: publisher.running(run_actor),
            **_SCHEDULER,
            "http_server": open_http_server,
            "wakeups": in_process_wakeups,
        },
    ),
}
