import dramatiq

from actors.broker import EventActor, broker
from actors.chain import Chain
from actors.imaging.decoder import InvalidPicture
from actors.providers.provider import OutputGoneError, OutputRefusedError
from actors.results import Results
from domain.errors import FailureCode
from domain.generation import decisions
from domain.generation.generation import Generation, State, id_of
from events.envelope import Cause, RecordedEvent
from events.generation import GenerationRequested
from events.invocation import PredictionSettled
from store.generations.generations import Decided, Decision

NAME = "completion"


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(event: RecordedEvent, *, chain: Chain) -> None:
    """Complete a settled generation with its pictures, or fail it with the reason."""
    await chain.run(NAME, event)


def look_ahead(event: RecordedEvent, request: GenerationRequested, *, results: Results) -> None:
    """Begin to read where the pictures of a prediction that has succeeded are."""
    if isinstance(event.event, PredictionSettled) and event.event.code is None:
        results.look_ahead(id_of(event.stream), request)


async def decide(generation: Generation, *, results: Results) -> Decision | None:
    """Fetch the pictures of a prediction that has succeeded."""
    if generation.state is not State.SETTLED or generation.settled is None:
        return None
    return await _ending(generation, generation.settled, results)


async def follow(decided: Decided, _cause: Cause, *, results: Results) -> None:
    """Discard the pictures of an earlier try that stored some and died before it decided."""
    await results.discard_unused(decided.generation)


async def _ending(generation: Generation, settled: PredictionSettled, results: Results) -> Decision:
    """Return the decision that ends the generation."""
    if settled.code is not None or generation.cancel_requested:
        return _failure(FailureCode(settled.code or FailureCode.CANCELED))
    try:
        pictures = await results.fetch(generation, settled)
    except OutputGoneError:
        return _failure(FailureCode.OUTPUT_UNAVAILABLE)
    except (OutputRefusedError, InvalidPicture):
        return _failure(FailureCode.OUTPUT_INVALID)
    return lambda g: decisions.complete(g, pictures, cost_microusd=settled.cost_microusd)


def _failure(code: FailureCode) -> Decision:
    return lambda g: decisions.fail_settled(g, code)
