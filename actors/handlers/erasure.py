import dramatiq

from actors.broker import EventActor, broker
from actors.cause import cause_of
from domain.generation import decisions
from domain.generation.reactions import is_to_erase
from events.envelope import RecordedEvent
from store.generations.erasure import GenerationErasure
from store.generations.generations import Generations

NAME = "erasure"


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(event: RecordedEvent, *, generations: Generations, generation_erasure: GenerationErasure) -> None:
    """Erase a final generation that is to be erased: record it, then delete its data; repeatable."""
    generation = await generations.recall(event)
    if generation is None:
        return
    if is_to_erase(generation):
        await generations.decide(generation.id, decisions.erase, cause=cause_of(NAME, event), known=generation)
    else:
        await generation_erasure.delete_data(generation)
