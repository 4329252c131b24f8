"""What is wrong with a generation is said in words."""

from collections.abc import Sequence

import pytest

from domain.audit.generation_check import GenerationCheck
from domain.audit.invariants import Invariant
from events.event import Event
from tests.builders.generation import COMPLETED, TO_STARTED, recorded, settled


def faults(events: Sequence[Event], invariant: Invariant) -> list[str]:
    check = GenerationCheck()
    found = [one for event in recorded(events) for one in check.add(event)]
    return [violation.fault for name, violation in (*found, *check.end()) if name is invariant]


@pytest.mark.parametrize(
    ("settled_with", "completed_with", "said"),
    [
        ({}, {}, "has 3.5 s for 4000 microusd, its prediction 3.5 s for an unknown cost"),
        (
            {"predict_seconds": None, "cost_microusd": 5},
            {},
            "has 3.5 s for 4000 microusd, its prediction an unknown time for 5 microusd",
        ),
        (
            {"cost_microusd": 4000},
            {"predict_seconds": None},
            "has an unknown time for 4000 microusd, its prediction 3.5 s for 4000 microusd",
        ),
        ({"cost_microusd": 4000}, {}, None),
        ({"cost_microusd": 4000}, {"cost_microusd": None}, None),
    ],
)
def test_a_cost_that_is_not_that_of_its_prediction_is_said_in_words(
    settled_with: dict[str, object], completed_with: dict[str, object], said: str | None
) -> None:
    ending = [settled().model_copy(update=settled_with), COMPLETED.model_copy(update=completed_with)]
    assert faults([*TO_STARTED, *ending], Invariant.SUMS) == ([] if said is None else [said])
