"""An input is made once, and again exactly so wherever it is needed later."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from actors.imaging.decoder import Composed, Decoder, DecoderSettings
from actors.model_inputs import MissingDataError, ModelInput, ModelInputs, is_same_input
from domain.generation.generation import Generation
from domain.submission.composition import DEFAULT, Composition
from tests.actors.harness import Harness, SandboxProvider


class Changed(Decoder):
    """A decoder of another version: its pictures differ."""

    async def compose(self, examples: Sequence[bytes], mode: Composition = DEFAULT, *, developer: str = "") -> Composed:
        composed = await super().compose(examples, mode)
        return replace(composed, data=composed.data + b"\0")


@pytest.fixture
async def validated(harness: Harness) -> Generation:
    await harness.request("g1")
    await harness.step("g1", "validation")
    return await harness.load("g1")


async def read(harness: Harness, generation: Generation) -> ModelInput:
    inputs: ModelInputs = harness.dependencies.get("model_inputs", kind=ModelInputs)
    return await inputs.read(generation)


async def test_the_process_that_made_an_input_reads_it_without_the_pictures(
    harness: Harness, validated: Generation
) -> None:
    await harness.store.blobs.erase("g1")
    model_input = await read(harness, validated)
    assert model_input.fields["prompt"] == "a lake"


async def test_another_process_makes_the_same_input_again(harness: Harness, validated: Generation) -> None:
    first = await read(harness, validated)
    assert await read(harness.replace(), validated) == first


async def test_an_input_that_would_differ_from_the_recorded_one_is_refused(
    harness: Harness, validated: Generation
) -> None:
    async with Changed(DecoderSettings()) as decoder:
        with pytest.raises(MissingDataError, match="cannot be made again"):
            await read(harness.replace(decoder=decoder), validated)


async def test_a_listed_input_is_recognised_by_the_hash_in_the_log(harness: Harness, validated: Generation) -> None:
    personal_data = await harness.store.personal_data.get("g1", validated.request.personal_data)
    assert personal_data is not None
    assert validated.validated is not None
    listed = json.loads(json.dumps((await read(harness, validated)).as_request()))
    digest = validated.validated.input_digest
    assert is_same_input(listed, personal_data, digest)
    for other in ({"seed": 1}, {"image": "https://elsewhere/1.png"}, {"image": None}, {"more": float("nan")}):
        assert not is_same_input(listed | other, personal_data, digest)


async def test_no_attempt_is_claimed_whose_input_cannot_be_made(
    harness: Harness, validated: Generation, provider: SandboxProvider
) -> None:
    later = harness.replace()
    await later.step("g1", "quota")
    await harness.store.personal_data.erase("g1")
    with pytest.raises(MissingDataError):
        await later.step("g1", "invocation")
    assert (await harness.types("g1"))[-1] == "quota_reserved"
    assert await provider.predictions() == []


async def test_an_input_is_forgotten_once_its_prediction_is_created(harness: Harness) -> None:
    await harness.invoked("g1")
    await harness.store.personal_data.erase("g1")
    with pytest.raises(MissingDataError):
        await read(harness, await harness.load("g1"))
