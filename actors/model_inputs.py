import asyncio
import base64
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import rfc8785

from actors.imaging.decoder import Composed, Decoder
from actors.read_ahead import ReadAhead
from domain.generation.generation import Generation
from domain.submission.composition import Composition
from domain.submission.instructions import Instructions, model_prompt, parse_instructions, seed_of
from domain.submission.model_inputs import ADMITTED, Value
from events.canonical_json import canonical_json
from events.generation import DecodedExample, GenerationRequested, GenerationValidated
from store.generations.blobs import BlobStore
from store.generations.personal_data import PersonalData, PersonalDataStore

_DATA_URI: Final = "data:image/jpeg;base64,"


class MissingDataError(Exception):
    """What the gateway stored is not there: a fault of the service, not of the submission."""

    holds_no_data = True


_SOURCES: Final = "sources"
_KEPT: Final = 64
"""So many inputs wait in memory for their call; one has at most 190,000 bytes of picture."""


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The whole input of a prediction: its fields without the picture, and the picture as JPEG."""

    fields: Mapping[str, Value]
    picture: bytes

    def as_request(self) -> dict[str, object]:
        """Write the input as the provider takes it: the picture is a data URI."""
        return {**self.fields, "image": _DATA_URI + base64.b64encode(self.picture).decode()}

    def digest(self, personal_data: PersonalData) -> str:
        """Hash the whole input under the salt of its generation."""
        return personal_data.digest(canonical_json(dict(self.fields)), self.picture)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInputs:
    """The inputs of predictions, which are a function of what the gateway stored.

    An input waits in memory for the calls that follow in the same process. Any other process makes it anew and
    compares it with the hash in the log, so that no copy of it is stored.
    """

    personal_data: PersonalDataStore
    blobs: BlobStore
    decoder: Decoder
    composition: Composition
    read_ahead: ReadAhead = field(default_factory=ReadAhead)
    _waiting: OrderedDict[str, tuple[str, ModelInput]] = field(default_factory=OrderedDict, init=False)

    def look_ahead(self, generation_id: str, request: GenerationRequested) -> None:
        """Begin to read what `prepare` needs."""
        self.read_ahead.begin(generation_id, _SOURCES, self._sources(generation_id, request))

    async def prepare(self, generation: Generation) -> GenerationValidated:
        """Compose the examples, and describe them and the input for the log; repeatable.

        Raises InvalidPicture for an example that does not decode, MissingDataError.
        """
        validated, model_input = await self._make(generation)
        self._keep(generation.id, validated.input_digest, model_input)
        return validated

    async def read(self, generation: Generation) -> ModelInput:
        """Return the input that the log names, made anew where this process has not made it.

        Raises MissingDataError where data are gone or make another input today, and InvalidPicture.
        """
        wanted = generation.validated.input_digest if generation.validated else None
        digest, model_input = self._waiting.get(generation.id, (None, None))
        if model_input is None or digest != wanted:
            validated, model_input = await self._make(generation)
            if validated.input_digest != wanted:
                raise MissingDataError(f"the input of {generation.id} cannot be made again")
            self._keep(generation.id, wanted, model_input)
        return model_input

    def forget(self, generation_id: str) -> None:
        """Keep an input no longer: no call is due."""
        self._waiting.pop(generation_id, None)

    def _keep(self, generation_id: str, digest: str, model_input: ModelInput) -> None:
        self._waiting[generation_id] = digest, model_input
        if len(self._waiting) > _KEPT:
            self._waiting.popitem(last=False)

    async def _make(self, generation: Generation) -> tuple[GenerationValidated, ModelInput]:
        personal_data, examples = await self.read_ahead.take(
            generation.id, _SOURCES, lambda: self._sources(generation.id, generation.request)
        )
        instructions = parse_instructions(personal_data.instructions, ceilings=ADMITTED)
        mode = instructions.composition or self.composition
        if generation.validated is not None:  # the operator's default may have changed since
            mode = cast("Composition", generation.validated.composition)
        developer = generation.request.owner.developer
        composed = await self.decoder.compose(examples, mode, developer=developer)
        model_input = ModelInput(_fields(generation, personal_data, instructions), composed.data)
        return _validated(personal_data, composed, model_input), model_input

    async def _sources(self, generation_id: str, request: GenerationRequested) -> tuple[PersonalData, Sequence[bytes]]:
        """Read the personal data and the examples; raises MissingDataError."""
        personal_data, found = await asyncio.gather(
            self.personal_data.get(generation_id, request.personal_data),
            self.blobs.get_all(generation_id, [example.digest for example in request.examples]),
        )
        if personal_data is None:
            raise MissingDataError(f"{generation_id} has no personal data")
        data = [blob.data for blob in found if blob is not None]
        if len(data) < len(found):
            raise MissingDataError(f"{generation_id} lacks an example")
        return personal_data, data


def is_same_input(given: Mapping[str, object], personal_data: PersonalData, digest: str) -> bool:
    """Tell whether an input that the provider lists is the one whose hash the log names."""
    fields = {name: value for name, value in given.items() if name != "image"}
    image = str(given.get("image"))
    try:
        picture = base64.b64decode(image.removeprefix(_DATA_URI), validate=True)
        return ModelInput(fields, picture).digest(personal_data) == digest  # type: ignore[arg-type]
    except (ValueError, rfc8785.CanonicalizationError):
        return False


def _fields(generation: Generation, personal_data: PersonalData, instructions: Instructions) -> dict[str, Value]:
    """Write the input without its image."""
    return {
        "num_outputs": 1,
        **instructions.parameters,
        "prompt": model_prompt(instructions),
        "seed": seed_of(generation.request.seed, instructions, personal_data.salt),
    }


def _validated(personal_data: PersonalData, composed: Composed, model_input: ModelInput) -> GenerationValidated:
    return GenerationValidated(
        examples=tuple(
            DecodedExample(format=e.format, width=e.width, height=e.height, mode=e.mode, frames=e.frames)
            for e in composed.examples
        ),
        composition=composed.mode,
        width=composed.width,
        height=composed.height,
        input_image=personal_data.digest(composed.data),
        input_digest=model_input.digest(personal_data),
        seed=model_input.fields["seed"],
        outputs=model_input.fields["num_outputs"],
    )
