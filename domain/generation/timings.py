"""The duration of each phase of a generation and its cost, derived from its events alone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from domain.errors import FailureCode
from domain.generation.generation import Generation, State
from events.invocation import DuplicateFound

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
"""The phase that includes the time in a state."""

_IN_VAIN = frozenset({FailureCode.CANCELED, FailureCode.CANCEL_AFTER, FailureCode.CONTENT_FLAGGED})


@dataclass(frozen=True, slots=True)
class Cost:
    """Paid seconds of compute and their price in US dollars; None when unknown."""

    predict_seconds: float | None
    usd: float | None


def costs_of_phases(g: Generation) -> dict[Phase, float] | None:
    """Return the US dollars that each phase cost, in sum the cost; None while that is unknown.

    The model is paid for while it runs. A duplicate is a call whose outcome was unknown: it belongs to `invoking`.
    """
    if cost_of(g).usd is None:
        return None
    duplicates = sum(found.cost_microusd or 0 for found in _duplicates(g))
    spent: dict[Phase, float] = dict.fromkeys(get_args(Phase), 0.0)
    return spent | {"invoking": duplicates / 1_000_000, "running": (g.cost_microusd or 0) / 1_000_000}


def phases_of(g: Generation) -> dict[Phase, int]:
    """Return the milliseconds of each phase up to the last change of state; their sum is `total_ms`."""
    spent: dict[Phase, int] = dict.fromkeys(get_args(Phase), 0)
    for state, milliseconds in g.spent_ms.items():
        spent[PHASES[state]] += milliseconds
    return spent


def reserved_at(g: Generation) -> datetime | None:
    """Tell when its slot was recorded, to the millisecond; None before."""
    if not g.reserved:
        return None
    before = (State.REQUESTED, State.VALIDATED)
    return g.created_at + timedelta(milliseconds=sum(g.spent_ms.get(state, 0) for state in before))


def total_ms(g: Generation) -> int:
    """Return the milliseconds from the request to the last change of state."""
    return sum(g.spent_ms.values())


def cost_of(g: Generation) -> Cost:
    """Return the cost of a generation with its duplicates; 0 when no prediction was created."""
    if g.final and not _may_have_paid(g):
        return Cost(0.0, 0.0)
    own = g.settled.predict_seconds if g.settled else None
    seconds = [own, *(found.predict_seconds for found in _duplicates(g))]
    known = [spent for spent in seconds if spent is not None]
    microusd = microusd_of(g)
    return Cost(sum(known) if known else None, None if microusd is None else microusd / 1_000_000)


def microusd_of(g: Generation) -> int | None:
    """Return the known cost of all its predictions, in millionths of a US dollar; None when none is known."""
    costs = [g.cost_microusd, *(found.cost_microusd for found in _duplicates(g))]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


def is_run_in_vain(g: Generation) -> bool:
    """Tell whether the provider is paid for a run that its client ended, or whose pictures are withheld."""
    if g.failure is None or g.failure.code not in _IN_VAIN or g.prediction is None:
        return False
    return g.settled is None or (g.settled.outcome != "aborted" and bool(g.settled.predict_seconds))


def is_uncharged(g: Generation) -> bool:
    """Tell whether such a run cost no unit."""
    return g.quota == "released" and is_run_in_vain(g)


def keeps_unit(g: Generation) -> bool:
    """Tell whether a final generation has spent its unit."""
    return g.status == "completed" or g.quota == "spent"


def _duplicates(g: Generation) -> Collection[DuplicateFound]:
    """List the last event of each duplicate; one that was adopted in the end is none."""
    return {found.prediction: found for found in g.duplicates if found.prediction != g.prediction}.values()


def _may_have_paid(g: Generation) -> bool:
    """Tell whether a prediction was created, or the outcome of a call is unknown."""
    open_call = g.attempt > 0 and g.retry_at is None and g.refusal is None
    return g.prediction is not None or bool(g.duplicates) or open_call


@dataclass(frozen=True, slots=True)
class Price:
    """The price of compute time at the provider, in US dollars a second."""

    usd_per_second: float

    def microusd(self, seconds: float | None) -> int | None:
        """Return the cost of `seconds` in millionths of a US dollar; None for an unknown time."""
        return None if seconds is None else round(seconds * self.usd_per_second * 1_000_000)
