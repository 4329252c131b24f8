"""The services of webhooks by dependency name, for the composition root."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from actors.webhooks.delivery_attempt import DeliveryAttempts
from actors.webhooks.delivery_scheduler import DeliveryScheduler
from actors.webhooks.endpoint_health import EndpointHealth
from actors.webhooks.message import MessageWriter
from domain.webhooks.addresses import host_key
from store.webhooks.delivery_log import DeliveryLog
from store.webhooks.secrets import WebhookSecrets
from store.webhooks.webhooks import Webhooks

WEBHOOK_SERVICES: Final[Mapping[str, Callable[..., Any]]] = {
    "delivery_attempts": DeliveryAttempts,
    "delivery_log": DeliveryLog,
    "delivery_scheduler": DeliveryScheduler,
    "endpoint_health": EndpointHealth,
    "host_of": lambda webhook_settings, master_keys: partial(
        host_key, allow=webhook_settings.allow, key=master_keys.host_key
    ),
    "master_keys": lambda master_key_settings: master_key_settings.keys,
    "message_writer": MessageWriter,
    "webhook_allow": lambda webhook_settings: webhook_settings.allow,
    "webhook_limit": lambda webhook_settings: webhook_settings.endpoints_per_project,
    "webhook_retention": lambda webhook_settings: webhook_settings.keep,
    "webhook_secrets": WebhookSecrets,
    "webhooks": Webhooks,
}
