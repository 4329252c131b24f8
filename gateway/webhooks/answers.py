"""What the routes of webhooks answer."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from domain.webhooks.delivery import DeliveryState
from events.catalogue import CATALOGUE
from gateway.openapi.values import Free, Time, Uuid

DeliverableType = Annotated[str, WithJsonSchema({"type": "string", "enum": list(CATALOGUE.deliverable)})]


class WebhookEndpoint(TypedDict):
    """A webhook endpoint without its secret; `failing_since`: the first failure after a success."""

    id: Uuid
    url: str
    description: str | None
    event_types: Sequence[DeliverableType]
    enabled: bool
    disabled_reason: str | None
    failing_since: Time | None
    version: int
    created_at: Time
    updated_at: Time


class NewWebhookEndpoint(WebhookEndpoint):
    """A new endpoint; `secret` is shown once."""

    secret: str


class WebhookEndpoints(TypedDict):
    """The endpoints of a project."""

    webhooks: Sequence[WebhookEndpoint]


class RotatedSecret(TypedDict):
    """The new secret of an endpoint, shown once; the old one signs too until a time."""

    secret: str
    previous_secret_valid_until: Time


class DefaultSecret(TypedDict):
    """The secret that signs the webhooks of single requests."""

    key: str


class RotatedDefaultSecret(DefaultSecret):
    """The new secret; the old one signs too until a time."""

    previous_secret_valid_until: Time


class DeliveryAttempt(TypedDict):
    """One attempt; `response` is the start of the receiver's answer, `error` a code when it failed."""

    number: int
    at: Time
    status: int | None
    error: str | None
    milliseconds: int
    response: str


class WebhookDelivery(TypedDict):
    """One event on its way to one endpoint; `sequence`: the version of the event in its stream."""

    id: str
    generation_id: str
    request_id: str | None
    metadata: Free
    event_id: str
    type: DeliverableType
    sequence: int
    state: DeliveryState
    reason: str | None
    example: bool
    next_attempt_at: Time | None
    created_at: Time
    attempts: Sequence[DeliveryAttempt]


class WebhookDeliveries(TypedDict):
    """A page of deliveries, the newest first; `next` continues it as `before`."""

    deliveries: Sequence[WebhookDelivery]
    next: str | None


class DeliveryCounts(TypedDict):
    """Deliveries by state."""

    pending: int
    delivered: int
    failed: int
    skipped: int


class DeliveryStatistics(TypedDict):
    """Figures of the deliveries of an endpoint since a time."""

    since: Time
    deliveries: DeliveryCounts
    attempts: int
    mean_milliseconds: float | None
    last_success_at: Time | None
    last_failure_at: Time | None


class RecoveredDeliveries(TypedDict):
    """How many deliveries are sent again, or would be."""

    dry_run: bool
    recovered: int


class ResentDeliveries(TypedDict):
    """How many deliveries are sent again, or would be."""

    dry_run: bool
    resent: int


class ReplayedDeliveries(TypedDict):
    """How many events are sent, or would be; with `more` the same request with `cursor` continues."""

    dry_run: bool
    replayed: int
    more: bool
    cursor: str | None


class WebhookKey(TypedDict):
    """A public key as a JWK (RFC 8037); `key` is the text of Standard Webhooks."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    alg: Literal["EdDSA"]
    use: Literal["sig"]
    kid: str
    x: str
    key: str


class WebhookKeys(TypedDict):
    """The public keys that verify the webhooks of a project or of one user."""

    keys: Sequence[WebhookKey]
