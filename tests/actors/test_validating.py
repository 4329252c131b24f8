"""Pictures whose generation goes away while they are decoded."""

from collections.abc import Sequence
from dataclasses import replace

from actors.handlers import erasure
from actors.imaging.decoder import Composed, Decoder, DecoderSettings
from domain.generation import decisions
from domain.generation.generation import stream_of
from domain.submission.composition import DEFAULT, Composition
from tests.actors.workshop import BY_TEST, Workshop


class Interrupted(Decoder):
    """A decoder during whose work the owner cancels and deletes the generation."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__(DecoderSettings())
        self._workshop = workshop

    async def compose(self, examples: Sequence[bytes], mode: Composition = DEFAULT) -> Composed:
        hands = self._workshop.hands
        await self._workshop.fail("g1")
        await hands.generations.decide("g1", decisions.erase, cause=BY_TEST)
        (*_, erased) = await self._workshop.events("g1")
        await erasure.handle(erased, hands=hands)
        return await super().compose(examples, mode)


async def test_nothing_is_kept_of_a_generation_that_is_erased_while_its_pictures_are_decoded(
    workshop: Workshop,
) -> None:
    await workshop.request("g1")
    personal_data = (await workshop.load("g1")).request.personal_data
    async with Interrupted(workshop) as decoder:
        workshop.hands = replace(workshop.hands, decoder=decoder)
        await workshop.step("g1", "validation")

    assert (await workshop.told("g1"))[-1] == "erased"
    assert await workshop.store.blobs.hashes("g1") == {}
    assert await workshop.store.personal_data.get("g1", personal_data) is None
    assert await workshop.store.events.read(stream_of("g1"))
