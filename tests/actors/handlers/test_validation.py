from collections.abc import Sequence

from actors.imaging.decoder import Composed, Decoder, DecoderSettings
from domain.generation import decisions
from domain.generation.generation import stream_of
from domain.submission.composition import DEFAULT, Composition
from tests.actors.harness import BY_TEST, Harness


class Interrupted(Decoder):
    """A decoder during whose work the generation is canceled and erased."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(DecoderSettings())
        self._harness = harness

    async def compose(self, examples: Sequence[bytes], mode: Composition = DEFAULT, *, developer: str = "") -> Composed:
        await self._harness.fail("g1")
        await self._harness.generations.decide("g1", decisions.erase, cause=BY_TEST)
        (*_, erased) = await self._harness.events("g1")
        await self._harness.run_actor("erasure", erased)
        return await super().compose(examples, mode)


async def test_a_generation_erased_during_decoding_leaves_no_data(
    harness: Harness,
) -> None:
    await harness.request("g1")
    personal_data = (await harness.load("g1")).request.personal_data
    async with Interrupted(harness) as decoder:
        await harness.replace(decoder=decoder).step("g1", "validation")

    assert (await harness.types("g1"))[-1] == "erased"
    assert await harness.store.blobs.hashes("g1") == {}
    assert await harness.store.personal_data.get("g1", personal_data) is None
    assert await harness.store.events.read(stream_of("g1"))


async def test_a_generation_erased_by_another_process_needs_no_validation(harness: Harness) -> None:
    await harness.request("g1")
    other = harness.replace()
    await other.load("g1")  # and remembers it
    await harness.fail("g1")
    await harness.generations.decide("g1", decisions.erase, cause=BY_TEST)
    (requested, *_, erased) = await harness.events("g1")
    await harness.run_actor("erasure", erased)

    await other.run_actor("validation", requested)

    assert (await harness.types("g1"))[-1] == "erased"
