import dramatiq

from actors.broker import EventActor, broker
from actors.cause import cause_of
from actors.imaging.decoder import InvalidPicture
from actors.model_inputs import ModelInputs
from domain.generation import decisions
from domain.generation.generation import State, id_of
from events.envelope import RecordedEvent
from store.generations.blobs import BlobStore
from store.generations.generations import Generations

NAME = "validation"


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(
    event: RecordedEvent, *, generations: Generations, model_inputs: ModelInputs, blobs: BlobStore
) -> None:
    """Decode every example and fix the model's input: validated, or failed as `invalid_image`."""
    generation = await generations.load(id_of(event.stream))
    if generation is None or generation.state is not State.REQUESTED:
        return
    cause = cause_of(NAME, event)
    try:
        validated = await model_inputs.prepare(generation)
    except InvalidPicture:
        await generations.decide(generation.id, decisions.reject_examples, cause=cause, known=generation)
        return
    decided = await generations.decide(
        generation.id, lambda g: decisions.validate(g, validated), cause=cause, known=generation
    )
    if decided is not None and decided.generation.erased:
        await blobs.erase(generation.id)  # erased while it was decoded: the composed picture goes too
