"""Changed copies of a generation."""

from dataclasses import fields, replace

import pytest

from domain.generation.generation import Generation, State, changed
from tests.builders.clock import Clock
from tests.builders.generation import ID, requested

_NOW = Clock()()
GENERATION = Generation(ID, 1, State.REQUESTED, requested(), _NOW, _NOW, _NOW, attempt=2, percent=40)


def test_a_changed_copy_is_what_dataclasses_make_of_it() -> None:
    copy = changed(GENERATION, state=State.FAILED, version=2, percent=50)
    assert copy == replace(GENERATION, state=State.FAILED, version=2, percent=50)
    assert (GENERATION.state, GENERATION.version, GENERATION.percent) == (State.REQUESTED, 1, 40)


def test_every_field_is_copied() -> None:
    values = {field.name: object() for field in fields(Generation)}
    copy = changed(changed(GENERATION, **values))  # type: ignore[arg-type]
    assert {field.name: getattr(copy, field.name) for field in fields(Generation)} == values


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(KeyError):
        changed(GENERATION, unknown=1)  # type: ignore[call-arg]
