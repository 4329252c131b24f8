"""Keep one row per generation up to date."""

from actors.hands import Hands
from domain.generation.generation import id_of
from events.envelope import RecordedEvent
from store.generations.projection import rows_of

NAME = "projector"


async def handle(event: RecordedEvent, *, hands: Hands) -> None:
    """On what shows in lists: write the row of the folded stream, if it is newer than the one that stands."""
    generation = await hands.generations.load(id_of(event.stream))
    if generation is not None:
        await hands.projection.write(await rows_of([generation], hands.personal_data, hands.timeouts))
