"""How long each phase of a generation took, and what it cost: from its events alone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from domain.generation.generation import Generation, State
from events.generation import DuplicateFound

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
    """Tell the cost of a generation with its duplicates: nothing where nothing was ever created."""
    if g.final and not _may_have_paid(g):
        return Cost(0.0, 0.0)
    own = g.settled.predict_seconds if g.settled else None
    seconds = [own, *(found.predict_seconds for found in _duplicates(g))]
    known = [spent for spent in seconds if spent is not None]
    microusd = microusd_of(g)
    return Cost(sum(known) if known else None, None if microusd is None else microusd / 1_000_000)


def microusd_of(g: Generation) -> int | None:
    """Tell what is known of the cost of all its predictions, in millionths of a US dollar."""
    costs = [g.cost_microusd, *(found.cost_microusd for found in _duplicates(g))]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


def _duplicates(g: Generation) -> Collection[DuplicateFound]:
    """List every duplicate once, as it was last told."""
    return {found.prediction: found for found in g.duplicates}.values()


def _may_have_paid(g: Generation) -> bool:
    """Tell whether a prediction was created, or a call was still open whose outcome nobody knows."""
    open_call = g.attempt > 0 and g.retry_at is None and g.refusal is None
    return g.prediction is not None or bool(g.duplicates) or open_call
