"""What a generation cost and how long it took, as its owner reads it."""

from datetime import datetime

from domain.generation.generation import Generation
from domain.generation.timings import cost_of, costs_of_phases, phases_of, total_ms
from gateway.generations import answers


def cost_body(generation: Generation) -> answers.Cost:
    """Write what it cost, by phase, and what it was expected to cost when it was submitted."""
    estimate, cost = generation.request.estimate_microusd, cost_of(generation)
    return {
        "predict_seconds": cost.predict_seconds,
        "usd": cost.usd,
        "estimated_usd": None if estimate is None else estimate / 1_000_000,
        "phases_usd": costs_of_phases(generation),
    }


def timings_body(generation: Generation) -> answers.Timings:
    """Seconds from the request to the start, from there to the end, and in all; and each phase for itself.

    The phases are whole milliseconds up to the last move; together they are exactly `total_ms`.
    """
    started, finished = generation.started_at, generation.finished_at
    return {
        "pending_seconds": _between(generation.created_at, started or finished),
        "processing_seconds": _between(started, finished),
        "total_seconds": _between(generation.created_at, finished),
        "predict_seconds": generation.settled.predict_seconds if generation.settled else None,
        "phases_ms": phases_of(generation),
        "total_ms": total_ms(generation),
    }


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 6) if start and end else None
