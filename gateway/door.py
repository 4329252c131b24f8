"""Put the door together: which routes there are and what each is handed."""

import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version

from aiohttp import web

from domain.accounts.credentials import Passwords, PasswordSettings
from domain.accounts.tiers import Tier
from domain.generation.lifecycle import Timeouts
from domain.generation.listing import ListCursors
from gateway.accounts.identity import IdentityRoutes
from gateway.accounts.routes import account_tables
from gateway.app import create_app
from gateway.auth.authentication import AuthenticationSettings, Authenticator
from gateway.auth.rate_limits import CountingAuthenticator, Limits
from gateway.auth.tokens import Sessions, Tokens, TokenSettings
from gateway.events.connection import StreamSettings
from gateway.events.event_hub import EventHub
from gateway.events.routes import ReadingRoom
from gateway.generations.commands import CommandRoutes
from gateway.generations.completion_wait import CompletionWait
from gateway.generations.explain import ExplainRoutes
from gateway.generations.links import Links
from gateway.generations.lists import ListRoutes
from gateway.generations.pictures import PictureRoutes
from gateway.generations.project_generations import ProjectGenerationRoutes
from gateway.generations.routes import GenerationRoutes
from gateway.health import HealthRoutes
from gateway.openapi.document import OpenApiRoutes
from gateway.provider_callbacks import ProviderRoutes, ReadSecret
from gateway.settings import GatewaySettings
from gateway.submissions.recording import SubmissionRecorder
from gateway.submissions.retry import RetryRoutes
from gateway.submissions.upload_budget import UploadBudget
from gateway.submissions.write_through import WriteThrough
from gateway.usage import UsageRoutes
from gateway.webhooks.default_secret import DefaultSecretRoutes
from gateway.webhooks.deliveries import DeliveryRoutes
from gateway.webhooks.endpoints import EndpointRoutes
from store.generations.generations import Generations
from store.generations.observations import Observations
from store.mongo.store import MongoStore
from store.quota.admission import Admission
from store.quota.requests import Requests
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.endpoints import WebhookEndpoints
from store.webhooks.secrets import WebhookSecrets
from store.webhooks.webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """All settings of the door."""

    gateway: GatewaySettings
    tokens: TokenSettings
    authentication: AuthenticationSettings
    passwords: PasswordSettings
    streams: StreamSettings

    @property
    def jwt_secrets(self) -> list[str]:
        """The secret that signs, then those that are still accepted."""
        retired = [secret.get_secret_value() for secret in self.tokens.jwt_retired_secrets]
        return [self.gateway.jwt_secret.get_secret_value(), *retired]

    @property
    def operator_keys(self) -> list[str]:
        """The keys of platform operators."""
        return [key.get_secret_value() for key in self.authentication.operator_keys]

    @property
    def id_key(self) -> bytes:
        """The key that ids are derived with."""
        return self.gateway.id_secret.get_secret_value().encode()

    @property
    def callback_key(self) -> bytes:
        """The key of the provider's callback addresses."""
        return self.gateway.callback_secret.get_secret_value().encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the door is handed by the composition root."""

    store: MongoStore
    generations: Generations
    admission: Admission
    observations: Observations
    webhooks: Webhooks
    endpoints: WebhookEndpoints
    deliveries: DeliveryStore
    webhook_secrets: WebhookSecrets
    host_of: Callable[[str], str]
    webhook_allow: Collection[str]
    webhook_limit: int
    webhook_retention: timedelta
    timeouts: Timeouts
    tiers: Mapping[str, Tier]
    provider_secret: ReadSecret
    event_hub: EventHub
    broker: Callable[[], Mapping[str, str]]
    clock: Callable[[], datetime]


def create_door(door: Door, settings: DoorSettings) -> web.Application:
    """Make the application."""
    requests = Requests(door.store.requests, clock=door.clock)
    limits = Limits(door.admission, requests, clock=door.clock)
    identity = _identity(door, settings, limits)
    generations = _generations(door, settings, identity.authenticator)
    listing = _listing(door, settings, generations)
    reading = _reading(door, settings, identity, generations)
    tables = [
        *account_tables(identity, door.store.events.read),
        *_webhooks(door, identity),
        ProjectGenerationRoutes(door=identity, generations=generations, listing=listing).table(),
        generations.table(),
        listing.table(),
        reading.table(),
        _steering(door, generations).table(),
        RetryRoutes(owned=generations).table(),
        ExplainRoutes(owned=generations, timeouts=door.timeouts, queue=door.store.queue).table(),
        _pictures(door, generations).table(),
        _usage(door, identity, requests).table(),
        _provider(door, settings).table(),
        _health(door).table(),
        OpenApiRoutes(version("exemplar")).routes(),
    ]
    app = create_app(tables, timeouts=settings.gateway, cors_origins=settings.gateway.cors_origins)
    reading.install(app)
    limits.install(app, identity.authenticator.payer)
    return app


def _webhooks(door: Door, identity: IdentityRoutes) -> list[list[web.RouteDef]]:
    endpoints = EndpointRoutes(
        door=identity,
        webhooks=door.webhooks,
        endpoints=door.endpoints,
        webhook_secrets=door.webhook_secrets,
        webhook_allow=door.webhook_allow,
        webhook_limit=door.webhook_limit,
    )
    deliveries = DeliveryRoutes(
        door=identity,
        endpoints=door.endpoints,
        deliveries=door.deliveries,
        host_of=door.host_of,
        webhook_retention=door.webhook_retention,
        clock=door.clock,
    )
    secret = DefaultSecretRoutes(door=identity, webhook_secrets=door.webhook_secrets)
    return [endpoints.routes(), deliveries.routes(), secret.routes()]


def _identity(door: Door, settings: DoorSettings, limits: Limits) -> IdentityRoutes:
    tokens = Tokens(settings.jwt_secrets, door.clock, settings.tokens)
    peppers = settings.authentication.peppers
    authenticator = CountingAuthenticator(
        door.store.accounts,
        tokens,
        peppers,
        limits=limits,
        tiers=door.tiers,
        operator_keys=settings.operator_keys,
    )
    return IdentityRoutes(
        accounts=door.store.accounts,
        changes=door.store.account_changes(door.clock),
        platform=door.store.platform_changes(door.clock),
        authenticator=authenticator,
        sessions=Sessions(door.store.accounts, tokens),
        passwords=Passwords(settings.passwords),
        peppers=peppers,
        clock=door.clock,
        tiers=door.tiers,
        client_addresses=settings.gateway.client_addresses,
    )


def _generations(door: Door, settings: DoorSettings, authenticator: Authenticator) -> GenerationRoutes:
    public_url = settings.gateway.public_url
    return GenerationRoutes(
        authenticator=authenticator,
        submitting=SubmissionRecorder(
            generations=door.generations,
            personal_data=door.store.personal_data,
            blobs=door.store.blobs,
            admission=door.admission,
            showing=WriteThrough(
                write=door.store.projection.write,
                personal_data=door.store.personal_data,
                timeouts=door.timeouts,
            ),
            timeouts=door.timeouts,
            id_secret=settings.id_key,
            clock=door.clock,
        ),
        admission=door.admission,
        generations=door.generations,
        finishing=CompletionWait(
            generations=door.generations,
            broadcaster=door.event_hub.broadcaster,
            connections=door.event_hub.connections,
        ),
        personal_data=door.store.personal_data,
        blobs=door.store.blobs,
        links=Links(
            str(public_url) if public_url else None, hmac.digest(settings.id_key, b"picture links", "sha256")
        ),
        settings=settings.gateway,
        budget=UploadBudget(settings.gateway.upload_budget, wait=settings.gateway.upload_wait),
        webhook_allow=door.webhook_allow,
        clock=door.clock,
    )


def _listing(door: Door, settings: DoorSettings, generations: GenerationRoutes) -> ListRoutes:
    places = ListCursors(hmac.digest(settings.id_key, b"list cursors", "sha256"))
    return ListRoutes(owned=generations, lists=door.store.lists, places=places)


def _usage(door: Door, identity: IdentityRoutes, requests: Requests) -> UsageRoutes:
    return UsageRoutes(
        authenticator=identity.authenticator,
        usage=door.store.usage,
        admission=door.admission,
        requests=requests,
        clock=door.clock,
    )


def _pictures(door: Door, generations: GenerationRoutes) -> PictureRoutes:
    return PictureRoutes(
        generations=door.generations,
        blobs=door.store.blobs,
        links=generations.links,
        owned=generations,
        clock=door.clock,
    )


def _reading(
    door: Door, settings: DoorSettings, identity: IdentityRoutes, generations: GenerationRoutes
) -> ReadingRoom:
    return ReadingRoom(
        event_hub=door.event_hub,
        events=door.store.events,
        door=identity,
        owned=generations,
        recheck=settings.streams.recheck,
        clock=door.clock,
    )


def _steering(door: Door, generations: GenerationRoutes) -> CommandRoutes:
    return CommandRoutes(
        generations=door.generations,
        personal_data=door.store.personal_data,
        blobs=door.store.blobs,
        owned=generations,
    )


def _provider(door: Door, settings: DoorSettings) -> ProviderRoutes:
    return ProviderRoutes(
        observations=door.observations, secret=door.provider_secret, callback_secret=settings.callback_key
    )


def _health(door: Door) -> HealthRoutes:
    return HealthRoutes(
        database=door.store.health, broker=door.broker, version=version("exemplar"), clock=door.clock
    )
