"""The gateway's services and routes; each names its dependencies by parameter name."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Final, Protocol

from aiohttp import web
from pydantic_settings import BaseSettings

from domain.accounts.credentials import Passwords, PasswordSettings, Peppers
from domain.accounts.tiers import Tier
from domain.generation.listing import ListCursors
from exemplar.environment import read
from exemplar.injection import Dependencies
from gateway.accounts.auth_routes import AuthRoutes
from gateway.accounts.developers import DeveloperRoutes
from gateway.accounts.histories import HistoryRoutes
from gateway.accounts.identity import IdentityRoutes
from gateway.accounts.project_users import ProjectUserRoutes
from gateway.accounts.projects import ProjectRoutes
from gateway.app import create_app
from gateway.auth.account_status import AccountStatus
from gateway.auth.authentication import AuthenticationSettings, Authenticator
from gateway.auth.rate_limits import CountingAuthenticator, Limits
from gateway.auth.tokens import Sessions, Tokens, TokenSettings
from gateway.events.connection import StreamSettings
from gateway.events.event_hub import EventHub, open_event_hub
from gateway.events.feed_routes import FeedRoutes
from gateway.events.feeds import SealedFeeds
from gateway.events.generation_routes import StreamRoutes
from gateway.events.readers import Readers
from gateway.events.session_revalidation import SessionRevalidation
from gateway.generations.access import GenerationAccess
from gateway.generations.commands import CommandRoutes
from gateway.generations.explain import ExplainRoutes
from gateway.generations.ids import GenerationIds
from gateway.generations.links import Links
from gateway.generations.list_pages import ListPages
from gateway.generations.lists import ListRoutes
from gateway.generations.pictures import PictureRoutes
from gateway.generations.project_generations import ProjectGenerationRoutes
from gateway.generations.resources import GenerationResources
from gateway.generations.routes import GenerationRoutes
from gateway.generations.write_through import WriteThrough
from gateway.health import HealthRoutes
from gateway.openapi.document import OpenApiRoutes
from gateway.provider_callbacks import ProviderRoutes
from gateway.settings import GatewaySettings
from gateway.submissions.completion_wait import CompletionWait
from gateway.submissions.recorder import SubmissionRecorder
from gateway.submissions.retry import KeptContents
from gateway.submissions.routes import SubmissionRoutes
from gateway.submissions.uploads.budget import UploadBudget
from gateway.submissions.uploads.reader import UploadReader
from gateway.usage import UsageRoutes
from gateway.webhooks.deliveries import DeliveryRoutes
from gateway.webhooks.endpoints import WebhookRoutes
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.platform import PlatformChanges
from store.commits.contract import EventStore
from store.generations.generations import Generations
from store.quota.requests import Requests

Clock = Callable[[], datetime]


class Routes(Protocol):
    """Everything that answers requests."""

    def routes(self) -> Sequence[web.RouteDef]: ...


def gateway_settings() -> dict[str, BaseSettings]:
    """Read the gateway's settings, by dependency name; raises ConfigurationError."""
    return {
        "gateway_settings": read(GatewaySettings),
        "token_settings": read(TokenSettings),
        "authentication_settings": read(AuthenticationSettings),
        "password_settings": read(PasswordSettings),
        "stream_settings": read(StreamSettings),
    }


def create_gateway(dependencies: Dependencies) -> web.Application:
    """Make the application; raises UnknownDependencyError when something it needs is not provided."""
    dependencies.provide(SERVICES)
    settings: GatewaySettings = dependencies.get("gateway_settings")
    tables = [dependencies.call(routes).routes() for routes in ROUTES]
    app = create_app(tables, timeouts=settings, cors_origins=settings.cors_origins)
    dependencies.get("event_hub").install(app)
    dependencies.get("session_revalidation").install(app)
    dependencies.get("limits").install(app, dependencies.get("authenticator").payer)
    return app


def _tokens(gateway_settings: GatewaySettings, token_settings: TokenSettings, clock: Clock) -> Tokens:
    retired = [secret.get_secret_value() for secret in token_settings.jwt_retired_secrets]
    return Tokens([gateway_settings.jwt_secret.get_secret_value(), *retired], clock, token_settings)


def _links(gateway_settings: GatewaySettings, id_key: bytes) -> Links:
    public_url = gateway_settings.public_url
    return Links(str(public_url) if public_url else None, _derived(id_key, b"picture links"))


def _event_hub(
    events: EventStore, feeds: SealedFeeds, id_key: bytes, stream_settings: StreamSettings
) -> EventHub:
    return open_event_hub(events, feeds, secret=id_key, settings=stream_settings)


def _session_revalidation(
    event_hub: EventHub, account_status: AccountStatus, stream_settings: StreamSettings
) -> SessionRevalidation:
    return SessionRevalidation(event_hub.connections, account_status, period=stream_settings.recheck)


def _door(
    *,
    accounts: Accounts,
    account_changes: AccountChanges,
    platform_changes: PlatformChanges,
    authenticator: Authenticator,
    sessions: Sessions,
    passwords: Passwords,
    peppers: Peppers,
    clock: Clock,
    tiers: Mapping[str, Tier],
    gateway_settings: GatewaySettings,
) -> IdentityRoutes:
    return IdentityRoutes(
        accounts,
        account_changes,
        platform_changes,
        authenticator,
        sessions,
        passwords,
        peppers,
        clock,
        tiers,
        client_addresses=gateway_settings.client_addresses,
    )


def _feed_routes(
    door: IdentityRoutes, generations: Generations, event_hub: EventHub, readers: Readers
) -> FeedRoutes:
    return FeedRoutes(
        door=door,
        generations=generations,
        feeds=event_hub.feeds,
        cursors=event_hub.cursors,
        connections=event_hub.connections,
        readers=readers,
    )


def _derived(id_key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(id_key, purpose, "sha256")


ROUTES: Final[tuple[Callable[..., Routes], ...]] = (
    AuthRoutes,
    DeveloperRoutes,
    HistoryRoutes,
    ProjectRoutes,
    ProjectUserRoutes,
    WebhookRoutes,
    DeliveryRoutes,
    ProjectGenerationRoutes,
    GenerationRoutes,
    ListRoutes,
    StreamRoutes,
    _feed_routes,
    CommandRoutes,
    SubmissionRoutes,
    ExplainRoutes,
    PictureRoutes,
    UsageRoutes,
    ProviderRoutes,
    HealthRoutes,
    OpenApiRoutes,
)

SERVICES: Final[Mapping[str, Callable[..., object]]] = {
    "version": lambda: version("exemplar"),
    "id_key": lambda gateway_settings: gateway_settings.id_secret.get_secret_value().encode(),
    "callback_key": lambda gateway_settings: gateway_settings.callback_secret.get_secret_value().encode(),
    "operator_keys": lambda authentication_settings: [
        key.get_secret_value() for key in authentication_settings.operator_keys
    ],
    "peppers": lambda authentication_settings: authentication_settings.peppers,
    "passwords": lambda password_settings: Passwords(settings=password_settings),
    "webhook_allow": lambda webhooks: webhooks.settings.allow,
    "read": lambda events: events.read,
    "tokens": _tokens,
    "sessions": Sessions,
    "requests": lambda request_counts, clock: Requests(request_counts, clock=clock),
    "limits": Limits,
    "authenticator": CountingAuthenticator,
    "account_status": AccountStatus,
    "door": _door,
    "links": _links,
    "list_cursors": lambda id_key: ListCursors(_derived(id_key, b"list cursors")),
    "generation_ids": GenerationIds,
    "generation_access": GenerationAccess,
    "resources": GenerationResources,
    "list_pages": ListPages,
    "write_rows": lambda projection: projection.write,
    "write_through": WriteThrough,
    "upload_budget": lambda gateway_settings: UploadBudget(
        gateway_settings.upload_budget, wait=gateway_settings.upload_wait
    ),
    "upload_reader": UploadReader,
    "kept_contents": KeptContents,
    "recorder": SubmissionRecorder,
    "completion_wait": CompletionWait,
    "event_hub": _event_hub,
    "broadcaster": lambda event_hub: event_hub.broadcaster,
    "connections": lambda event_hub: event_hub.connections,
    "tickets": lambda event_hub: event_hub.tickets,
    "readers": Readers,
    "session_revalidation": _session_revalidation,
}
"""What routes and services of the gateway name, beside what every process provides."""
