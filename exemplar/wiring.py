"""The composition root: what every dependency is made of, by name, and what each process opens, in order."""

import os
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from functools import partial
from typing import Any

from actors.chain import Chain, Step
from actors.imaging.decoder import Decoder
from actors.jobs.retry_times import RetryTimes
from actors.jobs.schedule import scheduled_jobs
from actors.jobs.scheduler import Scheduler
from actors.lost_predictions import LostPredictions
from actors.providers.registry import open_provider
from actors.providers.token_check import TokenCheck
from actors.read_ahead import ReadAhead
from actors.runner import ActorRunner
from actors.subscriptions import QUEUES, STEPS, checked_broker
from actors.webhooks.http_client import WebhookClient
from actors.webhooks.sender import Sender
from domain.accounts.tiers import tiers_with
from domain.generation.lifecycle import Timeouts
from domain.generation.timings import Price
from domain.webhooks.addresses import host_key
from domain.webhooks.signing_keys import SigningKeys
from events.envelope import visible
from exemplar.clock import now
from exemplar.environment import ConfigurationError
from exemplar.gateway_wiring import GATEWAY, open_http_server
from exemplar.injection import Dependencies
from exemplar.metrics.opening import open_metrics
from exemplar.probe_wiring import PROBES, open_internal_server, open_probes
from exemplar.tracing.opening import open_tracer
from rabbitmq.consumer import Consumer
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.publisher import Publisher
from rabbitmq.settings import RabbitSettings
from rabbitmq.topology import topology
from rabbitmq.wakeup import Wakeups
from store.accounts.accounts import Accounts
from store.accounts.erasure import AccountErasure
from store.accounts.postponed import Postponed
from store.adapters import ADAPTERS, open_blobs, open_prepared, open_usable_objects
from store.audit.checkpointing import open_checkpointer
from store.backoff import Backoff
from store.commits.repository import Repository
from store.generations.generations import Generations
from store.quota.admission import Admission
from store.quota.slot_queue import SlotQueue
from store.tracing import NO_TRACER, Tracer
from store.webhooks.webhooks import Webhooks

_POLL_SECONDS = 2.0  # without a public URL there are no callbacks

Factory = Callable[..., Any]
Opener = Callable[..., AbstractAsyncContextManager[Any]]


def _amqp_url(rabbit_settings: RabbitSettings) -> str:
    if not rabbit_settings.amqp_url:
        raise ConfigurationError("EXEMPLAR_AMQP_URL is not set: one process alone runs with `exemplar solo`")
    return rabbit_settings.amqp_url


def _current_tier(accounts: Accounts) -> Callable[[str], Awaitable[str | None]]:
    async def read(developer: str) -> str | None:
        found = await accounts.developer_state(developer)
        return None if found is None else found[1]

    return read


SERVICES: Mapping[str, Factory] = {
    "admission": Admission,
    "amqp_url": _amqp_url,
    "announce": lambda publisher: publisher.announce,
    "delivery_log": lambda events, announce, clock, tracer: Repository(
        events, fold=lambda recorded: recorded[-1] if recorded else None, announce=announce, clock=clock, tracer=tracer
    ),
    "generations": Generations,
    "lacks_endpoints": lambda endpoints: endpoints.lacks,
    "look_up_endpoints": lambda endpoints: endpoints.look_up,
    "heartbeat": lambda rabbit_settings: rabbit_settings.amqp_heartbeat,
    "holder": lambda: f"{socket.gethostname()}:{os.getpid()}",
    "host_of": lambda webhook_settings, master_keys: partial(
        host_key, allow=webhook_settings.allow, key=master_keys.host_key
    ),
    "master_keys": lambda master_key_settings: master_key_settings.keys,
    "prefetch": lambda rabbit_settings: rabbit_settings.amqp_prefetch,
    "current_tier": _current_tier,
    "slot_queue": SlotQueue,
    "signing_keys": SigningKeys,
    "tiers": lambda tier_settings: tiers_with(tier_settings.tiers),
    "timeouts": lambda timeout_settings: timeout_settings.timeouts,
    "tracer": lambda: NO_TRACER,
    "topology": lambda rabbit_settings: topology(QUEUES, rabbit_settings.queue_prefix),
    "visible": lambda: visible,
    "webhook_allow": lambda webhook_settings: webhook_settings.allow,
    "webhook_limit": lambda webhook_settings: webhook_settings.endpoints_per_project,
    "webhook_retention": lambda webhook_settings: webhook_settings.keep,
    "webhooks": Webhooks,
}


def _chain(
    generations: Generations,
    own_queues: Collection[str],
    bind: Callable[..., Any],
    tracer: Tracer,
    read_ahead: ReadAhead,
) -> Chain:
    given = ["generation", "_generation", "decided", "_decided", "cause", "_cause", "event", "request", "_request"]
    steps = {
        name: Step(bind(decide, given=given), *(one and bind(one, given=given) for one in (follow, look_ahead)))
        for name, (decide, follow, look_ahead) in STEPS.items()
    }
    return Chain(generations, steps, own_queues, tracer, read_ahead)


def _polling_times(public_url: str | None, timeouts: Timeouts) -> RetryTimes:
    first = _POLL_SECONDS if public_url is None else timeouts.redelivery.total_seconds()
    return RetryTimes(Backoff(first=first, longest=30))


ACTOR_SERVICES: Mapping[str, Factory] = {
    "account_erasure": AccountErasure,
    "broker": checked_broker,
    "callback_keys": lambda actor_settings: actor_settings.callback_keys,
    "chain": _chain,
    "checkpointer": open_checkpointer,
    "composition": lambda actor_settings: actor_settings.composition,
    "create_seconds": lambda provider: provider.create_seconds,
    "jobs": scheduled_jobs,
    "keep_examples_days": lambda actor_settings: actor_settings.keep_examples_days,
    "keep_personal_data_days": lambda actor_settings: actor_settings.keep_personal_data_days,
    "keep_pictures_days": lambda actor_settings: actor_settings.keep_pictures_days,
    "lost_predictions": LostPredictions,
    "lost_after": lambda timeout_settings: timedelta(seconds=timeout_settings.lost_after_seconds),
    "own_queues": lambda: tuple(QUEUES),
    "polling_times": _polling_times,
    "postponed": Postponed,
    "price": lambda price_settings: Price(price_settings.usd_per_second),
    "drift_report_every": lambda actor_settings: (
        timedelta(hours=actor_settings.drift_report_hours) if actor_settings.drift_report_hours else None
    ),
    "erase_projects_after": lambda actor_settings: timedelta(days=actor_settings.keep_deleted_projects_days),
    "read_ahead": ReadAhead,
    "public_url": lambda actor_settings: actor_settings.public_url,
    "redelivery_times": lambda timeouts: RetryTimes(Backoff(first=timeouts.redelivery.total_seconds(), longest=300)),
    "run_actor": ActorRunner,
    "slot_times": lambda: RetryTimes(Backoff(first=2, longest=30)),
}


def dependencies_of(**given: object) -> Dependencies:
    """Make the dependencies of a process; what is `given` replaces what the tables would make."""
    dependencies = Dependencies(
        {**ADAPTERS, **SERVICES, **ACTOR_SERVICES, **GATEWAY, **PROBES}, clock=now, monotonic=time.monotonic
    )
    dependencies.set(dependencies=dependencies, dependency=dependencies.get, bind=dependencies.bind, **given)
    return dependencies


_STORE: Mapping[str, Opener] = {
    "tracer": open_tracer,
    "metrics": open_metrics,
    "probes": open_probes,
    "internal_server": open_internal_server,
    "database": open_prepared,
    "objects": open_usable_objects,
    "blobs": open_blobs,
    "provider": open_provider,
}
_ACTORS: Mapping[str, Opener] = {**_STORE, "decoder": Decoder}
_RUNNING: Mapping[str, Opener] = {"running": lambda probes: probes.running()}
_CHECKED: Mapping[str, Opener] = {"token_check": TokenCheck, **_RUNNING}
_SCHEDULER: Mapping[str, Opener] = {"webhook_client": WebhookClient, "sender": Sender, "scheduler": Scheduler}

PROCESSES: Mapping[str, Mapping[str, Opener]] = {
    "gateway": {**_STORE, "publisher": Publisher, "http_server": open_http_server, "wakeups": Wakeups, **_RUNNING},
    "worker": {**_ACTORS, "publisher": Publisher, "consumer": Consumer, **_CHECKED},
    "scheduler": {**_ACTORS, "publisher": Publisher, **_SCHEDULER, **_CHECKED},
    "solo": {
        **_ACTORS,
        "publisher": lambda topology, prefetch: nullcontext(InProcessBroker(topology, prefetch=prefetch)),
        "consumer": lambda publisher, run_actor: publisher.running(run_actor),
        **_SCHEDULER,
        "http_server": open_http_server,
        "wakeups": lambda publisher, on_event: publisher.subscribed(on_event),
        **_CHECKED,
    },
}
"""The resources that each process opens after its settings are read, in order, by name."""
