"""The gateway's part of the composition root: its services, routes and HTTP server."""

import hmac
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import structlog

from actors.providers.webhook_secret import WebhookSecret
from domain.generation.feed_cursor import FeedCursors
from domain.generation.listing import ListCursors
from exemplar.environment import ConfigurationError
from exemplar.injection import Dependencies
from exemplar.mcp.opening import opener
from gateway.app import create_app
from gateway.auth.authentication import Authenticator
from gateway.auth.operator_keys import OperatorKeys
from gateway.auth.rate_limits import RateLimits
from gateway.auth.tokens import Tokens
from gateway.bulk.runner import BulkRunner
from gateway.console.files import read_files
from gateway.console.sign_in_link import SignInLink
from gateway.consumers.leased_events import LeasedEvents
from gateway.events.broadcaster import Broadcaster
from gateway.events.event_access import Tickets
from gateway.events.event_hub import EventHub
from gateway.generations.links import Links
from gateway.generations.resources import GenerationResources
from gateway.http.byte_budget import ByteBudget
from gateway.http.long_answers import long_answers
from gateway.http.server import serve
from gateway.http.tracing import trace_requests
from gateway.mcp.application import McpApplication
from gateway.measurement import measure_gateway
from gateway.moderation.classifier import Classifier, HttpClassifier
from gateway.moderation.input_moderation import InputModeration
from gateway.moderation.settings import ModerationSettings
from gateway.moderation.word_list_file import WordListFile
from gateway.openapi.operation import route_table
from gateway.receipts.c2pa_signer import C2paError, C2paSigner, open_c2pa_signer
from gateway.receipts.settings import ReceiptSettings
from gateway.routes import OPERATIONS, ROUTES
from gateway.settings import GatewaySettings
from gateway.submissions.recorder import SubmissionRecorder
from gateway.webhooks.endpoint_access import EndpointAccess
from store.accounts.accounts import Accounts
from store.webhooks.missing_deliveries import MissingDeliveries

log = structlog.get_logger()


def _derived(id_keys: Sequence[bytes], purpose: bytes) -> tuple[bytes, ...]:
    return tuple(hmac.digest(key, purpose, "sha256") for key in id_keys)


def _c2pa_signer(receipt_settings: ReceiptSettings, version: str) -> C2paSigner | None:
    try:
        return open_c2pa_signer(receipt_settings, version)
    except C2paError as error:
        raise ConfigurationError(str(error)) from error


def _classifier(moderation_settings: ModerationSettings) -> HttpClassifier | None:
    return None if moderation_settings.url is None else HttpClassifier(moderation_settings)


def _input_moderation(moderation_settings: ModerationSettings, classifier: Classifier | None) -> InputModeration:
    path = moderation_settings.word_list
    try:
        word_list = None if path is None else WordListFile(path)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"EXEMPLAR_MODERATION_WORD_LIST {path} cannot be read: {error}") from error
    return InputModeration(word_list=word_list, classifier=classifier, failure=moderation_settings.failure)


GATEWAY: Mapping[str, Callable[..., Any]] = {
    "audit_key": lambda id_keys: _derived(id_keys, b"audit queries")[0],
    "authenticator": Authenticator,
    "broadcaster": Broadcaster,
    "broker_health": lambda publisher: publisher.health,
    "c2pa_signer": _c2pa_signer,
    "classifier": _classifier,
    "console_files": read_files,
    "client_addresses": lambda gateway_settings: gateway_settings.client_addresses,
    "download_budget": lambda gateway_settings: ByteBudget(
        gateway_settings.download_budget,
        share=gateway_settings.download_share,
        user_share=gateway_settings.download_user_share,
        wait=gateway_settings.download_wait,
    ),
    "endpoint_access": EndpointAccess,
    "event_hub": EventHub,
    "feed_cursors": lambda id_keys: FeedCursors(_derived(id_keys, b"feed cursors")),
    "id_keys": lambda gateway_settings: gateway_settings.id_keys,
    "input_moderation": _input_moderation,
    "jwt_secrets": lambda gateway_settings, token_settings: [
        secret.get_secret_value() for secret in (gateway_settings.jwt_secret, *token_settings.jwt_retired_secrets)
    ],
    "leased_events": LeasedEvents,
    "links": lambda gateway_settings, id_keys: Links(gateway_settings.base_url, _derived(id_keys, b"picture links")),
    "list_cursors": lambda id_keys: ListCursors(_derived(id_keys, b"list cursors")),
    "operations": lambda: OPERATIONS,
    "log_name": lambda receipt_settings: receipt_settings.checkpoint_origin,
    "mcp_application": McpApplication,
    "open_mcp": opener,
    "missing_deliveries": MissingDeliveries,
    "on_event": lambda broadcaster: broadcaster.wake,
    "on_listening": lambda broadcaster: broadcaster.wake_all,
    "operator_key_check": OperatorKeys,
    "operator_keys": lambda authentication_settings: [
        key.get_secret_value() for key in authentication_settings.operator_keys
    ],
    "passwords": lambda password_settings: password_settings.passwords,
    "peppers": lambda authentication_settings: authentication_settings.peppers,
    "provider_name": lambda provider: provider.name,
    "provider_now": lambda provider, clock: lambda: provider.time.now() or clock(),
    "provider_paused": lambda provider: provider.paused_until,
    "provider_secret": WebhookSecret,
    "queue_depths": lambda publisher: publisher.waiting,
    "rate_limits": RateLimits,
    "read_prediction": lambda provider: provider.read_prediction,
    "recorder": SubmissionRecorder,
    "resources": GenerationResources,
    "sign_in_link": lambda gateway_settings: SignInLink(gateway_settings.sign_in_link_file),
    "tickets": lambda id_keys: Tickets(_derived(id_keys, b"tickets")),
    "tokens": Tokens,
    "upload_budget": lambda gateway_settings: ByteBudget(
        gateway_settings.upload_budget,
        share=gateway_settings.upload_share,
        user_share=gateway_settings.upload_user_share,
        wait=gateway_settings.upload_wait,
    ),
    "verification_keys": lambda receipt_settings: receipt_settings.receipts_trusted,
    "version": lambda: version("exemplar"),
    "witnesses": lambda witness_settings: witness_settings.witnesses,
    "watched": lambda broadcaster: broadcaster.has_listeners,
}


def create_gateway(dependencies: Dependencies) -> Any:
    """Create the application; raises UnknownDependencyError when a dependency of a route is missing."""
    settings: GatewaySettings = dependencies.get("gateway_settings")
    tables = [route_table(dependencies.call(routes)) for routes in ROUTES]
    app = create_app(tables, settings)
    app.middlewares.append(long_answers(dependencies.get("download_budget"), settings.client_addresses))
    dependencies.get("event_hub").install(app)
    dependencies.get("mcp_application").install(app)
    if (classifier := dependencies.get("classifier")) is not None:
        classifier.install(app)
    dependencies.get("rate_limits").install(app, dependencies.get("authenticator").counted_developer)
    dependencies.bind(measure_gateway, given=["app"])(app)
    trace_requests(app, dependencies.get("tracer"))
    return app


@asynccontextmanager
async def open_http_server(
    dependencies: Dependencies,
    gateway_settings: GatewaySettings,
    accounts: Accounts,
    bulk_runner: BulkRunner,
    reuse_port: bool,
) -> AsyncIterator[None]:
    """Serve HTTP; at the end wait until the use of keys is stored."""
    host, port = gateway_settings.host, gateway_settings.port
    try:
        served = serve(create_gateway(dependencies), gateway_settings, reuse_port=reuse_port)
        async with bulk_runner.running(), served:
            log.info("listening", host=host, port=port)
            yield
    except OSError as error:
        raise ConfigurationError(f"EXEMPLAR_PORT {port} cannot be opened: {error.strerror}") from error
    finally:
        await accounts.settle()
