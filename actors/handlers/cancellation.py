import dramatiq

from actors.broker import EventActor, broker
from actors.providers.provider import Provider
from domain.generation.reactions import is_unwanted
from events.envelope import RecordedEvent
from events.invocation import DuplicateFound
from store.generations.generations import Generations

NAME = "cancellation"


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(event: RecordedEvent, *, generations: Generations, provider: Provider) -> None:
    """Cancel a prediction that runs for a canceled or failed generation, or is a duplicate; repeatable."""
    if isinstance(event.event, DuplicateFound):
        await provider.cancel(event.event.prediction)
        return
    generation = await generations.recall(event)
    if generation is not None and generation.prediction is not None and is_unwanted(generation):
        await provider.cancel(generation.prediction)
