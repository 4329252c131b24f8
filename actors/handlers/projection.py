import dramatiq

from actors.broker import EventActor, broker
from domain.generation.lifecycle import Timeouts
from events.envelope import RecordedEvent
from store.generations.generations import Generations
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection, rows_of

NAME = "projector"  # the stored name of the queue and of the subscriber that write the projection


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME, redelivery=False)
async def handle(
    event: RecordedEvent,
    *,
    generations: Generations,
    projection: Projection,
    personal_data: PersonalDataStore,
    timeouts: Timeouts,
) -> None:
    """Write the row of the generation unless a newer one is there."""
    generation = await generations.recall(event)
    if generation is not None:
        await projection.write_soon(await rows_of([generation], personal_data, timeouts))
