"""What every handler is handed: the rooms it may use, by name."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from structlog.contextvars import bound_contextvars

from actors.imaging.decoder import Decoder
from actors.providers.provider import Provider
from actors.providers.settings import ReplicateSettings
from actors.settings import ActorSettings
from actors.webhooks.delivery_scheduler import DeliveryScheduler
from domain.accounts.tiers import Tier
from domain.generation.generation import id_of
from domain.generation.lifecycle import Timeouts
from events.envelope import Cause, RecordedEvent
from store.generations.blobs import BlobStore
from store.generations.generations import Generations
from store.generations.observations import Observations
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection
from store.quota.admission import Admission
from store.webhooks.secrets import WebhookSecrets
from store.webhooks.webhooks import Webhooks

_GENERATIONS = "generation-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """The dependencies of all actors; put together in the composition root."""

    generations: Generations
    personal_data: PersonalDataStore
    blobs: BlobStore
    admission: Admission
    observations: Observations
    projection: Projection
    decoder: Decoder
    model: Provider
    settings: ActorSettings
    replicate: ReplicateSettings
    timeouts: Timeouts
    lost_after: timedelta
    tiers: Mapping[str, Tier]
    webhooks: Webhooks
    webhook_secrets: WebhookSecrets
    delivery_scheduler: DeliveryScheduler
    visible: Callable[[RecordedEvent], dict[str, Any] | None]
    clock: Callable[[], datetime]


Handler = Callable[..., Awaitable[None]]


def bound_ids(queue: str, event: RecordedEvent) -> AbstractContextManager[object]:
    """Put an event's ids into every line that is logged inside the block."""
    ids = {"event_id": event.id, "event_type": event.type, "request_id": event.cause.request_id}
    if event.stream.startswith(_GENERATIONS):
        ids["generation_id"] = id_of(event.stream)
    return bound_contextvars(queue=queue, **ids)


def cause_of(actor: str, event: RecordedEvent) -> Cause:
    """Say that `actor` acts because of `event`."""
    return Cause(
        actor=f"actor:{actor}",
        request_id=event.cause.request_id,
        correlation_id=event.cause.correlation_id or event.stream,
        causation_id=event.id,
        traceparent=event.cause.traceparent,
    )
