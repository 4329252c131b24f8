"""When a slot of a developer will be free for the next one that waits, estimated from what runs and from durations.

The estimate is the middle of many possible futures. In each, every running generation lasts as long as one of the
recent ones that lasted longer than it has run by now, and the free slots go to those that wait before.
"""

import random
from bisect import bisect_right
from collections.abc import Sequence
from heapq import heapify, heapreplace
from statistics import median
from typing import Final

TYPICAL_SECONDS: Final = 30.0
"""How long a generation is assumed to hold its slot before one was seen to end."""

_FUTURES: Final = 99
_MOST_STEPS: Final = 4_000  # in all futures together
_FEWEST: Final = 15


def seconds_to_slot(
    running: Sequence[float], durations: Sequence[float], *, ahead: int = 0, certain: Sequence[float] = ()
) -> float:
    """Estimate the seconds until a slot is free for the one behind `ahead` others that wait.

    running: for how many seconds each slot has been taken, all of them; 0 seconds where no slot is. durations: for how
    many seconds recent generations held theirs. certain: after how many seconds further slots are free.
    """
    if not (running or certain):
        return 0.0
    known, chance = sorted(durations) or [TYPICAL_SECONDS], random.Random(0)  # noqa: S311 - repeatable, no secret
    futures = max(_FEWEST, min(_FUTURES, _MOST_STEPS // (len(running) + ahead + 1)))
    return median(_future(running, certain, known, ahead, chance) for _ in range(futures))


def seconds_left(age: float, durations: Sequence[float]) -> float:
    """Estimate how much longer a slot of this age is held: the middle of those that were held longer."""
    longer = [duration for duration in durations or [TYPICAL_SECONDS] if duration > age]
    return median(longer) - age if longer else _beyond(age)


def _future(
    running: Sequence[float], certain: Sequence[float], durations: Sequence[float], ahead: int, chance: random.Random
) -> float:
    free = [*certain, *(_left(age, durations, chance) for age in running)]
    heapify(free)
    for _ in range(ahead):
        heapreplace(free, free[0] + chance.choice(durations))
    return free[0]


def _left(age: float, durations: Sequence[float], chance: random.Random) -> float:
    first = bisect_right(durations, age)
    return durations[chance.randrange(first, len(durations))] - age if first < len(durations) else _beyond(age)


def _beyond(age: float) -> float:
    """Guess for one that has run longer than every recent one: a quarter more."""
    return age / 4
