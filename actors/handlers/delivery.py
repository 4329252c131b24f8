"""Schedule webhook deliveries for a generation's events; update an endpoint's row after its own events."""

from collections.abc import Callable
from typing import Any, get_args

from actors.webhooks.delivery_scheduler import DeliveryScheduler
from domain.generation.generation import id_of
from domain.webhooks.endpoint import endpoint_of
from events.envelope import RecordedEvent
from events.webhook import EndpointEvent
from store.webhooks.webhooks import Webhooks

NAME = "delivery"
EVENTS = (
    "generation.requested",
    "generation.validated",
    "generation.started",
    "generation.progressed",
    "generation.completed",
    "generation.failed",
    "generation.cancel_requested",
    "generation.published",
    "generation.erased",
    "webhook.registered",
    "webhook.changed",
    "webhook.enabled",
    "webhook.disabled",
    "webhook.removed",
)
_GENERATIONS = "generation-"
_ENDPOINT_EVENTS = get_args(EndpointEvent)


async def handle(event: RecordedEvent, *, delivery_scheduler: DeliveryScheduler, webhooks: Webhooks) -> None:
    """Schedule deliveries of a generation, or project an endpoint; repeatable."""
    if event.stream.startswith(_GENERATIONS):
        await delivery_scheduler.schedule(id_of(event.stream))
    else:
        await webhooks.project(endpoint_of(event.stream))


def concerns(event: RecordedEvent, visible: Callable[[RecordedEvent], dict[str, Any] | None]) -> bool:
    """Tell whether an event is one to handle."""
    return isinstance(event.event, _ENDPOINT_EVENTS) or visible(event) is not None
