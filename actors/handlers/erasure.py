"""Delete words, pictures and answers to webhooks of what its owner deleted; the proofs in the log stay."""

from actors.hands import Hands, cause_of
from domain.generation import decisions
from domain.generation.generation import id_of
from events.envelope import RecordedEvent

NAME = "erasure"


async def handle(event: RecordedEvent, *, hands: Hands) -> None:
    """On a final event: note the erasure that was asked for; on `generation.erased`: delete, repeatably."""
    generation = await hands.generations.load(id_of(event.stream))
    if generation is None:
        return
    if generation.final and generation.erase_requested and not generation.erased:
        await hands.generations.decide(
            generation.id, decisions.erase, cause=cause_of(NAME, event), known=generation
        )
    elif generation.erased:
        await hands.blobs.erase(generation.id)
        await hands.personal_data.erase(generation.id)
        await hands.webhooks.forget(generation.request.owner.project, generation.id)
