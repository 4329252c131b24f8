"""How well the wait for a slot is foretold, under simulated loads in virtual time."""

import random
from collections.abc import Callable
from math import ceil
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.accounts.slot_wait import TYPICAL_SECONDS, seconds_left, seconds_to_slot

Draw = Callable[[random.Random], float]
SECONDS = st.floats(0, 10_000, allow_nan=False)

LOADS: dict[str, Draw] = {
    "steady": lambda chance: 4.5 + chance.random(),
    "spread by a quarter": lambda chance: 5 * chance.lognormvariate(0, 0.25),
    "long": lambda chance: 20 * chance.lognormvariate(0, 0.15),
    "three kinds": lambda chance: chance.choice((4, 6, 9)) * chance.lognormvariate(0, 0.1),
}


class Slots:
    """Slots that have been busy for long: the age of each holder, and the time that it has left."""

    def __init__(self, draw: Draw, chance: random.Random, count: int) -> None:
        self.draw, self.chance = draw, chance
        self.held = [self._running() for _ in range(count)]

    def _running(self) -> tuple[float, float]:
        """Long ones are met more often."""
        durations = [self.draw(self.chance) for _ in range(12)]
        [duration] = self.chance.choices(durations, weights=durations)
        age = self.chance.random() * duration
        return age, duration - age

    @property
    def ages(self) -> list[float]:
        return [age for age, _ in self.held]

    def wait(self, ahead: int) -> float:
        """Let others go first; return when a slot is free."""
        free = sorted(left for _, left in self.held)
        for _ in range(ahead):
            free = sorted([*free[1:], free[0] + self.draw(self.chance)])
        return free[0]


def waits(load: str, ahead: int | None, number: int) -> list[tuple[float, float]]:
    """Simulate refusals, or waits behind others; return what was foretold and how long it took."""
    chance, found = random.Random(7), []
    past = [LOADS[load](chance) for _ in range(300)]
    for case in range(number):
        slots = Slots(LOADS[load], chance, (1, 3, 10)[case % 3])
        before = chance.randrange(1, 20) if ahead is None else ahead
        found.append((seconds_to_slot(slots.ages, past, ahead=before), slots.wait(before)))
    return found


@pytest.mark.parametrize("load", ["steady", "spread by a quarter", "three kinds"])
def test_nine_of_ten_refusals_are_told_a_wait_that_is_right_within_a_factor_of_2(load: str) -> None:
    told = [(max(1, ceil(estimate)), ceil(wait)) for estimate, wait in waits(load, 0, 500)]
    assert sum(wait / 2 <= seconds <= wait * 2 for seconds, wait in told) >= 450


@pytest.mark.parametrize("load", LOADS)
def test_half_of_the_estimated_starts_are_wrong_by_less_than_30_percent(load: str) -> None:
    assert median(abs(estimate - wait) / wait for estimate, wait in waits(load, None, 500)) < 0.3


def test_the_wait_is_tight_for_steady_durations() -> None:
    assert seconds_to_slot([4.0], [10.0] * 300) == 6
    assert seconds_to_slot([4.0, 0.0], [10.0] * 300) == 6
    assert seconds_to_slot([4.0], [10.0] * 300, ahead=2) == 26


def test_without_durations_a_typical_one_is_assumed() -> None:
    assert seconds_to_slot([12.0], []) == TYPICAL_SECONDS - 12
    assert seconds_left(12.0, []) == TYPICAL_SECONDS - 12


def test_one_that_runs_longer_than_any_recent_one_is_given_a_quarter_more() -> None:
    assert seconds_to_slot([60.0], [10.0]) == seconds_left(60.0, [10.0]) == 15


def test_a_free_slot_is_there_at_once_and_others_may_be_certain() -> None:
    assert seconds_to_slot([], []) == 0
    assert seconds_to_slot([0.0], [10.0], certain=[3.0]) == 3


@given(st.lists(SECONDS, max_size=5), st.lists(SECONDS, max_size=9), st.integers(0, 30))
@settings(deadline=None)
def test_no_wait_is_negative(running: list[float], durations: list[float], ahead: int) -> None:
    first, later = (seconds_to_slot(running, durations, ahead=position) for position in (0, ahead))
    assert first >= 0
    assert later >= 0
