"""How long each phase of a generation took, and what it cost: from its events alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from domain.generation import Generation, State

Phase = Literal["validating", "queued", "invoking", "waiting", "running", "completing"]

PHASES: Mapping[State, Phase] = {
    State.REQUESTED: "validating",
    State.VALIDATED: "queued",
    State.RESERVED: "queued",
    State.INTENDED: "invoking",
    State.WAITING: "waiting",
    State.STARTED: "running",
    State.SETTLED: "completing",
}
"""The phase to which the time in a state belongs."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of compute that were paid, and their price in US dollars; None where the log does not say."""

    predict_seconds: float | None
    usd: float | None


def phases_of(g: Generation) -> dict[Phase, int]:
    """Tell the whole milliseconds of each phase up to the last move; they add up exactly to `total_ms`."""
    spent: dict[Phase, int] = dict.fromkeys(get_args(Phase), 0)
    for state, milliseconds in g.spent_ms.items():
        spent[PHASES[state]] += milliseconds
    return spent


def total_ms(g: Generation) -> int:
    """Tell the whole milliseconds from the request to the last move, which is the end of a final one."""
    return sum(g.spent_ms.values())


def cost_of(g: Generation) -> Cost:
    """Tell the cost of a generation: nothing for one that ended before any paid call."""
    if g.final and g.attempt == 0:
        return Cost(0.0, 0.0)
    seconds = g.settled.predict_seconds if g.settled else None
    return Cost(seconds, None if g.cost_microusd is None else g.cost_microusd / 1_000_000)
