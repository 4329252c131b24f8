"""The gateway's part of the composition root."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from pydantic_settings import BaseSettings

from actors.providers.webhook_secret import WebhookSecret
from domain.accounts.credentials import PasswordSettings
from exemplar.environment import ConfigurationError
from gateway.auth.authentication import AuthenticationSettings
from gateway.auth.tokens import TokenSettings
from gateway.door import Door, DoorSettings, create_door
from gateway.events.connection import StreamSettings
from gateway.events.event_hub import EventHub, open_event_hub
from gateway.http.server import serve
from gateway.settings import GatewaySettings
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.settings import RabbitSettings
from rabbitmq.topology import Topology
from rabbitmq.wakeup import Wakeups

log = structlog.get_logger()

GATEWAY_SETTINGS: Mapping[str, type[BaseSettings]] = {
    "gateway_settings": GatewaySettings,
    "token_settings": TokenSettings,
    "authentication_settings": AuthenticationSettings,
    "password_settings": PasswordSettings,
    "stream_settings": StreamSettings,
}


def _door_settings(
    gateway_settings: GatewaySettings,
    token_settings: TokenSettings,
    authentication_settings: AuthenticationSettings,
    password_settings: PasswordSettings,
    stream_settings: StreamSettings,
) -> DoorSettings:
    return DoorSettings(
        gateway=gateway_settings,
        tokens=token_settings,
        authentication=authentication_settings,
        passwords=password_settings,
        streams=stream_settings,
    )


GATEWAY: Mapping[str, Callable[..., Any]] = {
    "broker": lambda publisher: publisher.health,
    "door": Door,
    "door_settings": _door_settings,
    "event_hub": lambda events, feeds, door_settings: open_event_hub(
        events, feeds, secret=door_settings.id_key, settings=door_settings.streams
    ),
    "provider_secret": WebhookSecret,
}


@asynccontextmanager
async def open_http_server(door: Door, door_settings: DoorSettings) -> AsyncIterator[None]:
    """Serve HTTP."""
    gateway = door_settings.gateway
    try:
        async with serve(create_door(door, door_settings), gateway):
            log.info("listening", host=gateway.host, port=gateway.port)
            yield
    except OSError as error:
        raise ConfigurationError(
            f"EXEMPLAR_PORT {gateway.port} cannot be opened: {error.strerror}"
        ) from error


@asynccontextmanager
async def open_wakeups(
    rabbit_settings: RabbitSettings, topology: Topology, event_hub: EventHub
) -> AsyncIterator[None]:
    """Let every event that RabbitMQ carries wake those who watch its generation."""
    broadcaster = event_hub.broadcaster
    wakeups = Wakeups(
        rabbit_settings.amqp_url,
        broadcaster.wake,
        topology=topology,
        heartbeat=rabbit_settings.amqp_heartbeat,
        on_listening=broadcaster.look,
    )
    await wakeups.start()
    try:
        yield
    finally:
        await wakeups.close()


@asynccontextmanager
async def in_process_wakeups(publisher: InProcessBroker, event_hub: EventHub) -> AsyncIterator[None]:
    """Let every event that is announced wake those who watch its generation."""
    unsubscribe = publisher.subscribe(event_hub.broadcaster.wake)
    try:
        yield
    finally:
        unsubscribe()
