import dramatiq

from actors.broker import EventActor, broker
from actors.cause import cause_of
from actors.imaging.decoder import InvalidPicture
from actors.model_inputs import ModelInputs
from domain.generation import decisions
from domain.generation.generation import Generation, State, id_of
from events.envelope import RecordedEvent
from store.generations.blobs import BlobStore
from store.generations.generations import Decision, Generations

NAME = "validation"


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(
    event: RecordedEvent, *, generations: Generations, model_inputs: ModelInputs, blobs: BlobStore
) -> None:
    """Decode every example and fix the model's input: validated, or failed as `invalid_image`."""
    generation = await generations.load(id_of(event.stream))
    if generation is None or generation.state is not State.REQUESTED:
        return
    decision = await _validation(generation, model_inputs)
    cause = cause_of(NAME, event)
    decided = await generations.decide(generation.id, decision, cause=cause, known=generation)
    if decided is not None and decided.generation.erased:
        await blobs.erase(generation.id)  # erased while it was decoded: the composed picture goes too


async def _validation(generation: Generation, model_inputs: ModelInputs) -> Decision:
    try:
        validated = await model_inputs.prepare(generation)
    except InvalidPicture:
        return decisions.reject_examples
    return lambda g: decisions.validate(g, validated)
