"""The gateway's part of the composition root: its services, routes and HTTP server."""

import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import structlog

from actors.providers.webhook_secret import WebhookSecret
from domain.generation.feed_cursor import FeedCursors
from domain.generation.listing import ListCursors
from exemplar.environment import ConfigurationError
from exemplar.injection import Dependencies
from gateway.app import create_app
from gateway.auth.account_status import AccountStatus
from gateway.auth.authentication import Authenticator
from gateway.auth.login_attempts import LoginAttempts
from gateway.auth.rate_limits import RateLimits
from gateway.auth.sessions import Sessions
from gateway.auth.settings import TokenSettings
from gateway.auth.tokens import Tokens
from gateway.events.broadcaster import Broadcaster
from gateway.events.connections import Connections
from gateway.events.event_access import EventAccess
from gateway.events.event_hub import EventHub
from gateway.events.feed_broadcaster import FeedBroadcaster
from gateway.events.feed_reader import FeedReader
from gateway.events.session_revalidation import SessionRevalidation
from gateway.events.tickets import Tickets
from gateway.generations.access import GenerationAccess
from gateway.generations.ids import GenerationIds
from gateway.generations.links import Links
from gateway.generations.list_pages import ListPages
from gateway.generations.resources import GenerationResources
from gateway.generations.write_through import WriteThrough
from gateway.http.server import serve
from gateway.routes import ROUTES
from gateway.settings import GatewaySettings
from gateway.submissions.completion_wait import CompletionWait
from gateway.submissions.recorder import SubmissionRecorder
from gateway.submissions.retry import KeptContents
from gateway.submissions.uploads.budget import UploadBudget
from gateway.submissions.uploads.reader import UploadReader
from store.accounts.accounts import Accounts

log = structlog.get_logger()


def _jwt_secrets(gateway_settings: GatewaySettings, token_settings: TokenSettings) -> list[str]:
    secrets = (gateway_settings.jwt_secret, *token_settings.jwt_retired_secrets)
    return [secret.get_secret_value() for secret in secrets]


def _derived(id_key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(id_key, purpose, "sha256")


GATEWAY: Mapping[str, Callable[..., Any]] = {
    "account_status": AccountStatus,
    "authenticator": Authenticator,
    "broadcaster": Broadcaster,
    "broker_health": lambda publisher: publisher.health,
    "client_addresses": lambda gateway_settings: gateway_settings.client_addresses,
    "completion_wait": CompletionWait,
    "connections": Connections,
    "event_access": EventAccess,
    "event_hub": EventHub,
    "feed_broadcaster": FeedBroadcaster,
    "feed_cursors": lambda id_key: FeedCursors(_derived(id_key, b"feed cursors")),
    "feed_reader": FeedReader,
    "generation_access": GenerationAccess,
    "generation_ids": GenerationIds,
    "id_key": lambda gateway_settings: gateway_settings.id_secret.get_secret_value().encode(),
    "jwt_secrets": _jwt_secrets,
    "kept_contents": KeptContents,
    "links": lambda gateway_settings, id_key: Links(gateway_settings.base_url, _derived(id_key, b"picture links")),
    "list_cursors": lambda id_key: ListCursors(_derived(id_key, b"list cursors")),
    "list_pages": ListPages,
    "login_attempts": LoginAttempts,
    "on_event": lambda broadcaster: broadcaster.wake,
    "on_listening": lambda broadcaster: broadcaster.wake_all,
    "operator_keys": lambda authentication_settings: [
        key.get_secret_value() for key in authentication_settings.operator_keys
    ],
    "passwords": lambda password_settings: password_settings.passwords,
    "peppers": lambda authentication_settings: authentication_settings.peppers,
    "provider_name": lambda provider: provider.name,
    "provider_secret": WebhookSecret,
    "rate_limits": RateLimits,
    "read_prediction": lambda provider: provider.read_prediction,
    "recorder": SubmissionRecorder,
    "resources": GenerationResources,
    "session_revalidation": SessionRevalidation,
    "sessions": Sessions,
    "tickets": lambda id_key: Tickets(_derived(id_key, b"tickets")),
    "tokens": Tokens,
    "upload_budget": lambda gateway_settings: UploadBudget(
        gateway_settings.upload_budget, wait=gateway_settings.upload_wait
    ),
    "upload_reader": UploadReader,
    "version": lambda: version("exemplar"),
    "watched": lambda broadcaster: broadcaster.watching,
    "write_rows": lambda projection: projection.write,
    "write_through": WriteThrough,
}


def create_gateway(dependencies: Dependencies) -> Any:
    """Create the application; raises UnknownDependencyError when a dependency of a route is missing."""
    settings: GatewaySettings = dependencies.get("gateway_settings")
    tables = [dependencies.call(routes).routes() for routes in ROUTES]
    app = create_app(tables, settings)
    dependencies.get("event_hub").install(app)
    dependencies.get("rate_limits").install(app, dependencies.get("authenticator").counted_developer)
    return app


@asynccontextmanager
async def open_http_server(
    dependencies: Dependencies, gateway_settings: GatewaySettings, accounts: Accounts
) -> AsyncIterator[None]:
    """Serve HTTP; at the end wait until the use of keys is stored."""
    host, port = gateway_settings.host, gateway_settings.port
    try:
        async with serve(create_gateway(dependencies), gateway_settings):
            log.info("listening", host=host, port=port)
            yield
    except OSError as error:
        raise ConfigurationError(f"EXEMPLAR_PORT {port} cannot be opened: {error.strerror}") from error
    finally:
        await accounts.keys.settle()
