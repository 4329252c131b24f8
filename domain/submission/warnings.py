"""What a client should know of an accepted submission although nothing is wrong with it."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

RECOMMENDED_EXAMPLES: Final = 3
RECOMMENDED_SIDE: Final = 1024  # pixels of the shorter side
MODEL_TOKENS: Final = 75
"""Tokens of a prompt that the text encoders of SDXL read: 77 less the two that mark its start and end."""

# Bits for each pixel, by media type, below which the blocks of the compression become visible in photographs.
_LEAST_BITS: Final[Mapping[str, float]] = {"image/jpeg": 0.4, "image/webp": 0.2}
# As the tokenizer of CLIP splits a text before it looks up its table: each piece is one token or more.
_PIECES: Final = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|[^\s\w]+|_+", re.IGNORECASE)


class WarningCode(StrEnum):
    """The codes of warnings. Closed: a test compares it with the documentation."""

    FEW_EXAMPLES = "few_examples"
    SMALL_EXAMPLE = "small_example"
    HEAVY_COMPRESSION = "heavy_compression"
    DUPLICATE_EXAMPLES = "duplicate_examples"
    PROMPT_TOO_LONG = "prompt_too_long"
    PROVIDER_PAUSED = "provider_paused"
    HELD = "held"
    UNKNOWN_FIELDS = "unknown_fields"


OF_THE_MOMENT: Final = frozenset({WarningCode.PROVIDER_PAUSED, WarningCode.HELD})
"""Warnings that a retry does not inherit."""


class RequestWarning(NamedTuple):
    """A warning; `example` is the number of the picture that it is about, from 0."""

    code: WarningCode
    example: int | None = None


class ExampleImage(Protocol):
    """What warnings depend on: `size` in bytes, width and height in pixels as stored."""

    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


def warnings_of(
    examples: Sequence[ExampleImage], prompt: str, *, unknown_fields: Collection[str] = ()
) -> tuple[RequestWarning, ...]:
    """List the warnings of a submission.

    prompt: the text for the model. unknown_fields: fields of the form that were dropped.
    """
    return tuple(_warnings(examples, prompt, unknown_fields))


def _warnings(
    examples: Sequence[ExampleImage], prompt: str, unknown_fields: Collection[str]
) -> Iterator[RequestWarning]:
    if len(examples) < RECOMMENDED_EXAMPLES:
        yield RequestWarning(WarningCode.FEW_EXAMPLES)
    seen = set[str]()
    for number, example in enumerate(examples):
        if min(example.width, example.height) < RECOMMENDED_SIDE:
            yield RequestWarning(WarningCode.SMALL_EXAMPLE, number)
        if _is_heavily_compressed(example):
            yield RequestWarning(WarningCode.HEAVY_COMPRESSION, number)
        if example.sha256 in seen:
            yield RequestWarning(WarningCode.DUPLICATE_EXAMPLES, number)
        seen.add(example.sha256)
    if len(_PIECES.findall(prompt)) > MODEL_TOKENS:
        yield RequestWarning(WarningCode.PROMPT_TOO_LONG)
    if unknown_fields:
        yield RequestWarning(WarningCode.UNKNOWN_FIELDS)


def _is_heavily_compressed(example: ExampleImage) -> bool:
    return 8 * example.size < _LEAST_BITS.get(example.content_type, 0.0) * example.width * example.height
