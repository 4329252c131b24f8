import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import rfc8785

from actors.imaging.decoder import Composed, Decoder
from domain.generation.generation import Generation
from domain.submission.composition import Composition
from domain.submission.instructions import Instructions, model_prompt, parse_instructions
from domain.submission.model_inputs import Ceilings, Value
from events.generation import DecodedExample, GenerationValidated
from store.generations.blobs import Blob, BlobStore
from store.generations.personal_data import PersonalData, PersonalDataStore

# The gateway applied the operator's ceilings; lowering them later must not fail what was admitted.
_ADMITTED = Ceilings(outputs=4, steps=500)


class MissingDataError(Exception):
    """What the gateway stored is not there: a fault of the service, not of the submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInputs:
    """The inputs of predictions: made once, stored beside the log, read for each attempt."""

    personal_data: PersonalDataStore
    blobs: BlobStore
    decoder: Decoder
    composition: Composition
    clock: Callable[[], datetime]

    async def prepare(self, generation: Generation) -> GenerationValidated:
        """Compose the examples, store picture and input, and describe them for the log; repeatable.

        Raises InvalidPicture for an example that does not decode, MissingDataError.
        """
        personal_data = await self.personal_data.get(generation.id, generation.request.personal_data)
        if personal_data is None:
            raise MissingDataError(f"{generation.id} has no personal data")
        instructions = parse_instructions(personal_data.instructions, ceilings=_ADMITTED)
        mode = instructions.composition or self.composition
        composed = await self.decoder.compose(await self._examples(generation), mode)
        model_input = _model_input(generation, personal_data, instructions)
        await self._put_picture(generation, personal_data, composed)
        await self.personal_data.put_model_input(generation.id, personal_data.token, model_input)
        return _validated(personal_data, composed, model_input)

    async def read(self, generation: Generation) -> dict[str, object] | None:
        """Return the whole input as it was recorded; None when its data or picture is gone."""
        personal_data = await self.personal_data.get(generation.id, generation.request.personal_data)
        if personal_data is None or personal_data.model_input is None or generation.validated is None:
            return None
        picture = await self.blobs.get(generation.id, generation.validated.input_image)
        if picture is None:
            return None
        encoded = base64.b64encode(picture.data).decode()
        return {**personal_data.model_input, "image": f"data:{picture.content_type};base64,{encoded}"}

    async def _examples(self, generation: Generation) -> Sequence[bytes]:
        found = [await self.blobs.get(generation.id, example.digest) for example in generation.request.examples]
        data = [blob.data for blob in found if blob is not None]
        if len(data) < len(found):
            raise MissingDataError(f"{generation.id} lacks an example")
        return data

    async def _put_picture(self, generation: Generation, personal_data: PersonalData, composed: Composed) -> None:
        await self.blobs.put(
            Blob(
                generation=generation.id,
                digest=personal_data.digest(composed.data),
                token=personal_data.token,
                kind="input",
                content_type="image/jpeg",
                data=composed.data,
                sha256=hashlib.sha256(composed.data).hexdigest(),
                created_at=self.clock(),
            )
        )


def seed_of(personal_data: PersonalData) -> int:
    """Derive a seed from the salt, so that a repeated validation fixes the same input."""
    return int.from_bytes(hmac.digest(personal_data.salt, b"seed", "sha256")[:4], "big") >> 1


def _model_input(generation: Generation, personal_data: PersonalData, instructions: Instructions) -> dict[str, Value]:
    """Write the input without its image; the seed of a retry or of the client comes before a derived one."""
    own = instructions.parameters.get("seed", seed_of(personal_data))
    seed = generation.request.seed if generation.request.seed is not None else own
    return {
        "num_outputs": 1,
        **instructions.parameters,
        "prompt": model_prompt(instructions),
        "seed": seed,
    }


def _validated(
    personal_data: PersonalData, composed: Composed, model_input: Mapping[str, Value]
) -> GenerationValidated:
    return GenerationValidated(
        examples=tuple(
            DecodedExample(format=e.format, width=e.width, height=e.height, mode=e.mode, frames=e.frames)
            for e in composed.examples
        ),
        composition=composed.mode,
        width=composed.width,
        height=composed.height,
        input_image=personal_data.digest(composed.data),
        input_digest=personal_data.digest(rfc8785.dumps(dict(model_input)), composed.data),
        seed=model_input["seed"],
        outputs=model_input["num_outputs"],
    )
