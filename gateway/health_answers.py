"""What the routes of health answer."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from gateway.openapi.values import Time


class About(TypedDict):
    """Name and version of the service, and the paths of what describes it."""

    service: Literal["exemplar"]
    version: str
    health: str
    openapi: str
    console: str


class DatabaseHealth(TypedDict):
    """Whether MongoDB answers; `error`: the name of what it failed with."""

    status: Literal["healthy", "unhealthy"]
    connection: str
    version: str | None
    error: str | None


class StorageHealth(TypedDict):
    """Whether the store of pictures answers; what a store of files would have besides is null."""

    status: str
    type: str
    path: None
    url_prefix: None
    url: None
    writable: bool
    accessible: bool
    url_configured: bool
    key_configured: bool
    error: str | None


class BrokerHealth(TypedDict):
    """Whether the broker is connected; without it work is delayed, not lost."""

    status: str
    type: NotRequired[str]


class ListeningBroker(BrokerHealth):
    """The same, with what clients of the older API read of Redis; nobody subscribes there."""

    listening: bool
    subscribers: None
    connection_failed: bool
    last_connection_attempt: None
    error: str | None


class ProviderHealth(TypedDict):
    """Whether the provider is called: it is not while it refuses or throttles the account."""

    status: Literal["healthy", "degraded"]


class UnusedPart(TypedDict):
    """A part of the older API that this service does not use."""

    status: Literal["not_used"]


class ServiceParts(TypedDict):
    """The service and its parts."""

    status: str
    database: DatabaseHealth
    file_storage: StorageHealth
    redis: UnusedPart
    broker: BrokerHealth
    version: str
    note: str | None
    error: str | None


class Timed(TypedDict):
    """When it was looked at."""

    timestamp: Time


class ServiceHealth(ServiceParts, Timed):
    """The health of the service and of its parts."""


class ProcessInfo(TypedDict):
    """How long this process has run, and by which Python."""

    uptime_seconds: float
    python: str


class DetailedHealth(ServiceHealth):
    """The health of the service, of the way to the provider, and of this process."""

    provider: ProviderHealth
    system: ProcessInfo


class TimedDatabaseHealth(DatabaseHealth, Timed):
    """The health of the database."""


class TimedStorageHealth(StorageHealth, Timed):
    """The health of the store of pictures."""


class TimedBrokerHealth(ListeningBroker, Timed):
    """The health of the broker."""
