"""`from_generation` and `from_example`: a picture of an earlier generation of the same user as an example."""

import re
from typing import Final, NamedTuple

from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.generation.generation import Generation
from events.generation import StoredImage

FROM_GENERATION: Final = "from_generation"
FROM_EXAMPLE: Final = "from_example"
FIELDS: Final = frozenset({FROM_GENERATION, FROM_EXAMPLE})

_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_REFERENCE: Final = re.compile(rf"({_UUID})(?:/([0-9]{{1,2}}))?", re.ASCII | re.IGNORECASE)


class Reference(NamedTuple):
    """A picture of a generation: its results or its examples, numbered from 0."""

    generation: str
    number: int


def parse_reference(field: str, text: str) -> Reference:
    """Read the id of a generation and, after a slash, the number of a picture, 0 without it; FieldError."""
    found = _REFERENCE.fullmatch(text.strip())
    if found is None:
        raise invalid_field("body", field, "must be the id of a generation, or id/number, as in 3f0c.../0")
    return Reference(found[1].lower(), int(found[2] or 0))


def own_picture(
    field: str, reference: Reference, generation: Generation | None, *, developer: str, user: str
) -> StoredImage:
    """Choose the picture; another user's looks like one that does not exist.

    Raises ExemplarError: `not_found`, `gone` for a deleted generation, `conflict` for a result of one that has not
    ended.
    """
    if generation is None or (generation.request.owner.developer, generation.request.owner.user) != (developer, user):
        raise ExemplarError(ErrorCode.NOT_FOUND, "Generation not found")
    if generation.gone:
        raise ExemplarError(ErrorCode.GONE, "Generation was deleted")
    if field == FROM_GENERATION and not generation.final:
        raise ExemplarError(ErrorCode.CONFLICT, "The generation has not ended: it has no picture yet")
    pictures = generation.pictures if field == FROM_GENERATION else generation.request.examples
    if reference.number >= len(pictures):
        raise ExemplarError(ErrorCode.NOT_FOUND, "Image not found")
    return pictures[reference.number]
