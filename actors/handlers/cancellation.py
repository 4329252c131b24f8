"""End upstream what nobody waits for any more, exactly when something runs there."""

from actors.hands import Hands
from domain.generation.generation import Generation, id_of
from events.envelope import RecordedEvent
from events.generation import DuplicateFound

NAME = "cancellation"


async def handle(event: RecordedEvent, *, hands: Hands) -> None:
    """On a request to cancel, a late start, a failure or a duplicate: cancel upstream, repeatably."""
    if isinstance(event.event, DuplicateFound):
        await hands.model.cancel(event.event.prediction)
        return
    generation = await hands.generations.load(id_of(event.stream))
    if generation is not None and _runs_upstream(generation):
        await hands.model.cancel(generation.prediction or "")


def _runs_upstream(generation: Generation) -> bool:
    unwanted = generation.cancel_requested or generation.status == "failed"
    return unwanted and generation.prediction is not None and generation.settled is None
