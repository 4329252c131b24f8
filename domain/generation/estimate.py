"""How long a generation will take and what it will cost, by what recent ones took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from domain.accounts.slot_wait import TYPICAL_SECONDS
from domain.generation.timings import Price

Basis = Literal["recent_generations", "typical"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """When a generation starts and ends, and the cost of its compute time in millionths of a US dollar.

    basis: durations of `generations` recent ones, or a typical duration where there are none.
    """

    start: datetime
    completion: datetime
    duration_seconds: float
    cost_microusd: int | None
    basis: Basis
    generations: int


def estimate_of(durations: Sequence[float], *, start: datetime, price: Price) -> Estimate:
    """Estimate by the median of recent durations, in seconds for which they held their slots.

    The cost is that of the whole duration, which is more than the provider computes.
    """
    seconds = median(durations) if durations else TYPICAL_SECONDS
    return Estimate(
        start=start,
        completion=start + timedelta(seconds=seconds),
        duration_seconds=round(seconds, 3),
        cost_microusd=price.microusd(seconds),
        basis="recent_generations" if durations else "typical",
        generations=len(durations),
    )
