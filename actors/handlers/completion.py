import dramatiq

from actors.broker import EventActor, broker
from actors.cause import cause_of
from actors.imaging.decoder import InvalidPicture
from actors.providers.provider import OutputGoneError, OutputRefusedError
from actors.results import Results
from domain.errors import FailureCode
from domain.generation import decisions
from domain.generation.generation import Generation, State, id_of
from events.envelope import RecordedEvent
from events.invocation import PredictionSettled
from store.generations.generations import Decision, Generations

NAME = "completion"
_RETRYABLE = frozenset({FailureCode.PROVIDER_FAILED, FailureCode.PROVIDER_CANCELED, FailureCode.OUTPUT_UNAVAILABLE})


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(event: RecordedEvent, *, generations: Generations, results: Results) -> None:
    """Complete a settled generation with its pictures, or fail it with the reason.

    The pictures of an earlier try that stored some and died before it decided are discarded.
    """
    generation = await generations.load(id_of(event.stream))
    if generation is None or generation.state is not State.SETTLED or generation.settled is None:
        await results.discard_unused(generation)
        return
    ending = await _ending(generation, generation.settled, results)
    decided = await generations.decide(generation.id, ending, cause=cause_of(NAME, event), known=generation)
    await results.discard_unused(decided.generation if decided else None)


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
    return lambda g: decisions.fail_settled(g, code, retryable=code in _RETRYABLE)
