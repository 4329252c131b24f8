"""Schedule webhook deliveries for a generation's events; update an endpoint's row after its own events."""

from actors.webhooks.delivery_scheduler import DeliveryScheduler
from domain.generation.generation import id_of
from domain.webhooks.endpoint import endpoint_of
from events.envelope import RecordedEvent
from store.webhooks.webhooks import Webhooks

NAME = "delivery"
_GENERATIONS = "generation-"


async def handle(event: RecordedEvent, *, delivery_scheduler: DeliveryScheduler, webhooks: Webhooks) -> None:
    """Schedule deliveries of a generation, or project an endpoint; repeatable."""
    if event.stream.startswith(_GENERATIONS):
        await delivery_scheduler.schedule(id_of(event.stream))
    else:
        await webhooks.project(endpoint_of(event.stream))
