import dramatiq

from actors.broker import EventActor, broker
from actors.cause import cause_of
from domain.generation import decisions
from domain.generation.reactions import is_to_erase
from events.envelope import RecordedEvent
from store.generations.blobs import BlobStore
from store.generations.generations import Generations
from store.generations.personal_data import PersonalDataStore
from store.webhooks.webhooks import Webhooks

NAME = "erasure"


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(
    event: RecordedEvent,
    *,
    generations: Generations,
    blobs: BlobStore,
    personal_data: PersonalDataStore,
    webhooks: Webhooks,
) -> None:
    """Erase a final generation that is to be erased: record it, then delete its data; repeatable."""
    generation = await generations.recall(event)
    if generation is None:
        return
    if is_to_erase(generation):
        await generations.decide(generation.id, decisions.erase, cause=cause_of(NAME, event), known=generation)
    elif generation.erased:
        await blobs.erase(generation.id)
        await personal_data.erase(generation.id)
        await webhooks.erase_generation(generation.request.owner.project, generation.id)
