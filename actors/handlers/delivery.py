"""Schedule webhook deliveries for a generation's events; update an endpoint's row after its own events."""

import dramatiq

from actors.broker import EventActor, broker
from actors.webhooks.delivery_scheduler import DeliveryScheduler
from domain.generation.generation import id_of, is_generation
from domain.webhooks.endpoint import endpoint_of
from events.envelope import RecordedEvent
from store.generations.generations import Generations
from store.webhooks.webhooks import Webhooks

NAME = "delivery"


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME, redelivery=False)
async def handle(
    event: RecordedEvent, *, delivery_scheduler: DeliveryScheduler, generations: Generations, webhooks: Webhooks
) -> None:
    """Schedule the deliveries of a generation, or update an endpoint's row; repeatable."""
    if is_generation(event.stream):
        known = generations.known(event.stream)  # what it was requested with does not change
        if known is None or await delivery_scheduler.concerns(known):
            await delivery_scheduler.schedule(id_of(event.stream))
    else:
        await webhooks.project(endpoint_of(event.stream))
