"""A next version of the product: an event type in schema version 2, and a document with one more member.

`generation.validated` gets `profile`, the colour profile of the model's input; stored ones of version 1 are upcast.
Rows of generations get `profile` too. A process becomes the next version before it runs (`VERSION`).
"""

import os
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

from actors import model_inputs
from domain.generation import decisions
from events.catalogue import CATALOGUE
from events.generation import GenerationValidated
from store.generations.projection import Row

VERSION: Final = "TESTS_NEXT_VERSION"
"""The environment variable that makes a process of the tests the next version."""


class ValidatedNow(GenerationValidated, name="generation.validated"):
    """Validation in schema version 2."""

    schema_version = 2
    profile: str


def with_profile(data: dict[str, Any]) -> dict[str, Any]:
    """Turn version 1 into version 2."""
    return {**data, "profile": "unknown"}


def become_next() -> None:
    """Let this process be the next version, if its environment says so."""
    if VERSION not in os.environ:
        return
    row = CATALOGUE["generation.validated"]
    sample = ValidatedNow(**row.sample.model_dump(), profile="srgb")
    now = replace(row, sample=sample, upcasters=(with_profile,))
    CATALOGUE.__init__([now if one is row else one for one in CATALOGUE.rows])  # type: ignore[misc]
    allowed: Any = decisions.ALLOWED
    allowed[ValidatedNow] = allowed[GenerationValidated]
    changed: Any = model_inputs
    changed.GenerationValidated = partial(ValidatedNow, profile="srgb")
    rows, as_document = cast("Any", Row), Row.as_document
    rows.as_document = lambda row: {**as_document(row), "profile": "srgb"}
