from dataclasses import dataclass

from domain.generation import decisions
from domain.generation.generation import Generation
from events.envelope import Cause
from events.erasure import Grounds
from store.generations.blobs import BlobStore
from store.generations.generations import Decided, Generations
from store.generations.personal_data import PersonalDataStore
from store.webhooks.erasure import DeliveryErasure


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationErasure:
    """Erase single generations. Repeatable, and may be interrupted: whoever reads the event deletes the data again."""

    generations: Generations
    personal_data: PersonalDataStore
    blobs: BlobStore
    delivery_erasure: DeliveryErasure

    async def erase(
        self, generation_id: str, *, grounds: Grounds, cause: Cause, known: Generation | None = None
    ) -> Decided | None:
        """Record the erasure and delete the data; None for no such generation.

        What still runs is cancelled, and erased by the actor `erasure` once it is final.
        """
        decided = await self.generations.decide(
            generation_id, lambda g: decisions.cancel(g, erase=True, grounds=grounds), cause=cause, known=known
        )
        if decided is None:
            return None
        asked = decided.events
        decided = await self.generations.decide(
            generation_id, lambda g: decisions.erase(g, grounds=grounds), cause=cause, known=decided.generation
        )
        if decided is None:
            return None
        await self.delete_data(decided.generation)
        return Decided(decided.generation, (*asked, *decided.events), decided.began)

    async def delete_data(self, generation: Generation) -> None:
        """Delete what an erased generation has beside the log, and what its receivers answered; repeatable."""
        if not generation.erased:
            return
        await self.blobs.erase(generation.id)
        await self.personal_data.erase(generation.id)
        await self.delivery_erasure.erase_generation(generation.request.owner.project, generation.id)
