"""The services of webhooks by dependency name, for the composition root."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from actors.webhooks.delivery_attempt import DeliveryAttempts
from actors.webhooks.delivery_scheduler import DeliveryScheduler
from actors.webhooks.message import MessageWriter
from domain.webhooks.addresses import host_key
from events.commit import Commit
from events.envelope import RecordedEvent
from store.commits.repository import Repository
from store.webhooks.webhooks import Webhooks


def _last_event(commits: Sequence[Commit]) -> RecordedEvent | None:
    return commits[-1].events[-1] if commits else None


WEBHOOK_SERVICES: Final[Mapping[str, Callable[..., Any]]] = {
    "delivery_attempts": DeliveryAttempts,
    "delivery_log": lambda events, announce, clock: Repository(
        events, fold=_last_event, announce=announce, clock=clock
    ),
    "delivery_scheduler": DeliveryScheduler,
    "host_of": lambda webhook_settings, master_keys: partial(
        host_key, allow=webhook_settings.allow, key=master_keys.host_key
    ),
    "master_keys": lambda master_key_settings: master_key_settings.keys,
    "message_writer": MessageWriter,
    "webhook_allow": lambda webhook_settings: webhook_settings.allow,
    "webhook_limit": lambda webhook_settings: webhook_settings.endpoints_per_project,
    "webhook_retention": lambda webhook_settings: webhook_settings.keep,
    "webhooks": Webhooks,
}
