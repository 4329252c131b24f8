"""The poll hint: soon after the start, later less often."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.generation.generation import State
from domain.generation.poll_hint import poll_hint
from tests.builders.generation import START, TO_REQUESTED, folded

PENDING = folded(TO_REQUESTED)


@pytest.mark.parametrize(("age", "hint"), [(-5, 1), (0, 1), (7.9, 1), (8, 2), (30, 7), (60, 15), (3600, 15)])
def test_the_hint_is_a_quarter_of_the_age(age: float, hint: int) -> None:
    assert poll_hint(PENDING, PENDING.created_at + timedelta(seconds=age)) == hint


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED])
def test_a_final_generation_needs_no_poll(state: State) -> None:
    assert poll_hint(replace(PENDING, state=state), START) is None
