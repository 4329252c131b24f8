"""What a client is told of the queue: how many are before its generation, and when that starts and ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from domain.accounts.slot_wait import TYPICAL_SECONDS, seconds_left
from domain.controls.controls import Control
from domain.generation.estimate import Basis
from domain.generation.explanation import Ahead, reason_of_control
from domain.generation.generation import Generation
from domain.generation.lifecycle import UNSENT, is_queued
from domain.generation.timings import reserved_at


class Obstacle(StrEnum):
    """Why a generation cannot start. Closed: a test compares it with the documentation."""

    CANCELING = "canceling"
    MAINTENANCE = "maintenance"
    PROVIDER_STOPPED = "provider_stopped"
    PAUSED = "paused"
    PROVIDER_PAUSED = "provider_paused"
    START_BY = "start_by"


@dataclass(frozen=True, slots=True)
class Forecast:
    """The queue before a generation, and when it starts and ends; None for what is over or not known.

    basis: durations of `generations` recent ones, or a typical duration where there are none.
    possible: whether it can start as things are; reason: why not.
    """

    position: Ahead | None
    start: datetime | None
    completion: datetime | None
    basis: Basis
    generations: int
    possible: bool = True
    reason: Obstacle | None = None


def forecast(
    g: Generation,
    *,
    now: datetime,
    durations: Sequence[float],
    ahead: Ahead | None = None,
    slot_in: float = 0.0,
    paused_until: datetime | None = None,
    held_by: Sequence[Control] = (),
) -> Forecast:
    """Foretell a generation that has not ended.

    durations: seconds for which recent generations held their slots. slot_in: seconds until it has a slot.
    held_by: the controls that hold back its paid call, the widest first.
    """
    basis: Basis = "recent_generations" if durations else "typical"
    if g.cancel_requested:
        return Forecast(None, None, None, basis, len(durations), possible=False, reason=Obstacle.CANCELING)
    if g.started_at is not None:
        completion = now + timedelta(seconds=seconds_left(_held_for(g, now), durations))
        return Forecast(None, g.started_at, completion, basis, len(durations))
    held_by = held_by if g.state in UNSENT else ()
    ends = [one.expected_end or now for one in held_by]
    start = max(now + timedelta(seconds=slot_in), g.retry_at or now, paused_until or now, *ends)
    completion = start + timedelta(seconds=median(durations or [TYPICAL_SECONDS]))
    late = start >= g.request.start_by
    if held_by:
        held = Obstacle(reason_of_control(held_by[0]))
        known = all(one.expected_end is not None and one.expected_end > now for one in held_by)
        found = Forecast(ahead, start, completion, basis, len(durations), possible=False, reason=held)
        return found if known and not late else replace(found, start=None, completion=None)
    if late:
        return Forecast(ahead, None, None, basis, len(durations), possible=False, reason=Obstacle.START_BY)
    if paused_until is not None and paused_until > now:
        reason = Obstacle.PROVIDER_PAUSED
        return Forecast(ahead, start, completion, basis, len(durations), possible=False, reason=reason)
    return Forecast(ahead, start, completion, basis, len(durations))


def slot_since(g: Generation) -> datetime | None:
    """Tell since when a generation has its slot; None while it waits for one."""
    if is_queued(g):
        return None
    return (reserved_at(g) or g.finished_at) if g.request.queued else g.created_at


def _held_for(g: Generation, now: datetime) -> float:
    return max(0.0, (now - (slot_since(g) or now)).total_seconds())
