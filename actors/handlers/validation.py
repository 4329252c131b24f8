import dramatiq

from actors.broker import EventActor, broker
from actors.chain import Chain
from actors.imaging.decoder import InvalidPicture
from actors.model_inputs import MissingDataError, ModelInputs
from domain.generation import decisions
from domain.generation.generation import Generation, State, id_of
from events.envelope import RecordedEvent
from events.generation import GenerationRequested
from store.generations.generations import Decision, Generations

NAME = "validation"


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(event: RecordedEvent, *, chain: Chain) -> None:
    """Decode every example and fix the model's input: validated, or failed as `invalid_image`."""
    await chain.run(NAME, event)


def look_ahead(event: RecordedEvent, request: GenerationRequested, *, model_inputs: ModelInputs) -> None:
    """Begin to read the examples of a new generation."""
    if isinstance(event.event, GenerationRequested):
        model_inputs.look_ahead(id_of(event.stream), request)


async def decide(generation: Generation, *, model_inputs: ModelInputs, generations: Generations) -> Decision | None:
    """Decode the examples of a new generation."""
    if generation.state is not State.REQUESTED:
        return None
    try:
        validated = await model_inputs.prepare(generation)
    except InvalidPicture:
        return decisions.reject_examples
    except MissingDataError:
        if (await generations.ended([generation.id])).get(generation.id):
            return None  # it was erased since it was read
        raise
    return lambda g: decisions.validate(g, validated)
