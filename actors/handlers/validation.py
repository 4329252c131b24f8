"""Decode every example fully and fix what the model will be given."""

import hashlib
import hmac
from collections.abc import Sequence

import rfc8785

from actors.hands import Hands, cause_of
from actors.imaging.decoder import Composed, InvalidPicture
from domain.generation import decisions
from domain.generation.generation import Generation, State, id_of
from domain.submission.instructions import Instructions, model_prompt, parse_instructions
from domain.submission.model_inputs import Ceilings, Value
from events.envelope import Cause, RecordedEvent
from events.generation import DecodedExample, GenerationValidated
from store.generations.blobs import Blob
from store.generations.personal_data import PersonalData

NAME = "validation"

# The door held the operator's ceilings; lowering them later must not strand what was admitted.
ADMITTED = Ceilings(outputs=4, steps=500)


class MissingError(Exception):
    """What the door stored is not there: a fault of ours, so nobody's picture is called invalid for it."""


async def handle(event: RecordedEvent, *, hands: Hands) -> None:
    """On `generation.requested`: validated, or failed as `invalid_image`."""
    generation = await hands.generations.load(id_of(event.stream))
    if generation is None or generation.state is not State.REQUESTED:
        return
    cause = cause_of(NAME, event)
    personal_data = await hands.personal_data.get(generation.id, generation.request.personal_data)
    if personal_data is None:
        raise MissingError(f"{generation.id} has no words")
    instructions = parse_instructions(personal_data.instructions, ceilings=ADMITTED)
    mode = instructions.composition or hands.settings.composition
    try:
        composed = await hands.decoder.compose(await _examples(generation, hands), mode)
    except InvalidPicture:
        await _reject(generation, cause, hands)
        return
    validated = await _keep(generation, personal_data, instructions, composed, hands)
    decided = await hands.generations.decide(
        generation.id, lambda g: decisions.validate(g, validated), cause=cause, known=generation
    )
    if decided is not None and decided.generation.erased:
        # It was erased while we decoded: what we just kept must not outlive that.
        await hands.blobs.erase(generation.id)


async def _reject(generation: Generation, cause: Cause, hands: Hands) -> None:
    await hands.generations.decide(generation.id, decisions.reject_examples, cause=cause, known=generation)


async def _examples(generation: Generation, hands: Hands) -> Sequence[bytes]:
    found = [await hands.blobs.get(generation.id, example.digest) for example in generation.request.examples]
    data = [blob.data for blob in found if blob is not None]
    if len(data) < len(found):
        raise MissingError(f"{generation.id} lacks an example")
    return data


async def _keep(
    generation: Generation,
    personal_data: PersonalData,
    instructions: Instructions,
    composed: Composed,
    hands: Hands,
) -> GenerationValidated:
    """Store the composed picture and the model's input beside the log; describe them for the log."""
    seed = _seed(generation, personal_data, instructions)
    model_input = {**instructions.parameters, "prompt": model_prompt(instructions), "seed": seed}
    model_input.setdefault("num_outputs", 1)
    digest = personal_data.digest(composed.data)
    await hands.blobs.put(
        Blob(
            generation=generation.id,
            digest=digest,
            token=personal_data.token,
            kind="input",
            content_type="image/jpeg",
            data=composed.data,
            sha256=hashlib.sha256(composed.data).hexdigest(),
            created_at=hands.clock(),
        )
    )
    await hands.personal_data.put_model_input(generation.id, personal_data.token, model_input)
    return GenerationValidated(
        examples=tuple(
            DecodedExample(format=e.format, width=e.width, height=e.height, mode=e.mode, frames=e.frames)
            for e in composed.examples
        ),
        composition=composed.mode,
        width=composed.width,
        height=composed.height,
        input_image=digest,
        input_digest=personal_data.digest(rfc8785.dumps(model_input), composed.data),
        seed=seed,
        outputs=model_input["num_outputs"],
    )


def _seed(generation: Generation, personal_data: PersonalData, instructions: Instructions) -> Value:
    """Take the seed that a retry brings, else the client's own, else one that follows from the salt."""
    if generation.request.seed is not None:
        return generation.request.seed
    return instructions.parameters.get("seed", seed_of(personal_data))


def seed_of(personal_data: PersonalData) -> int:
    """Derive the seed from the words' salt, so that a repeated validation fixes the same input."""
    return int.from_bytes(hmac.digest(personal_data.salt, b"seed", "sha256")[:4], "big") >> 1
