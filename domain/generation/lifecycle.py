"""Groups of states, and how long each state may last before the scheduler acts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, assert_never

from domain.generation.generation import Generation, State

FINAL = frozenset({State.COMPLETED, State.FAILED})
RUNNING = frozenset(State) - FINAL
UNSENT = frozenset({State.REQUESTED, State.VALIDATED, State.RESERVED, State.WAITING})
"""States in which nothing can run at the provider."""
READY = frozenset({State.RESERVED, State.WAITING})
"""States whose next step is a paid call."""


LONGEST_HOLD = timedelta(days=1)
"""The farthest end of a control that moves the deadlines of new requests."""

FARTHEST = timedelta(minutes=15)
"""No pause of a generation lasts longer: the provider's are ten minutes at most."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits of time for one generation.

    redelivery: without a change of state its last event is delivered again.
    claim: how long after `generation.invocation_intended` the paid call may be made.
    to_start: from the request until a paid call must be under way.
    in_all: from the request to the end.
    """

    redelivery: timedelta = timedelta(seconds=5)
    claim: timedelta = timedelta(seconds=10)
    to_start: timedelta = timedelta(minutes=10)
    in_all: timedelta = timedelta(minutes=35)


class Deadlines(NamedTuple):
    """By when a paid call must be under way, and the end; `own`: the client's own limit, where that is the end."""

    start_by: datetime
    finish_by: datetime
    own: timedelta | None


def deadlines_of(
    now: datetime, timeouts: Timeouts, cancel_after: timedelta | None, *, held_until: datetime | None = None
) -> Deadlines:
    """Set the deadlines of a request that arrives now, with the client's own limit if any.

    held_until: when an operator expects to let it go on; the service's own limits count from then.
    """
    start = now if held_until is None else max(now, min(held_until, now + LONGEST_HOLD))
    in_all = start - now + timeouts.in_all
    own = cancel_after if cancel_after is not None and cancel_after < in_all else None
    finish_by = now + (own or in_all)
    return Deadlines(min(start + timeouts.to_start, finish_by), finish_by, own)


def expires_at(generation: Generation) -> datetime | None:
    """Return when it fails unless it has moved on by then; None for a final one."""
    if generation.final:
        return None
    request = generation.request
    return min(request.start_by, request.finish_by) if generation.state in UNSENT else request.finish_by


def has_come(moment: datetime, now: datetime) -> bool:
    """Tell whether the end of a pause has come; one beyond every pause was written by a clock that was wrong."""
    return moment <= now or moment > now + FARTHEST


def waits_for_slot(generation: Generation) -> bool:
    """Tell whether it is queued for a slot, as far as the log tells: the slot may have been given a moment ago."""
    return generation.state is State.VALIDATED and bool(generation.request.queued)


def is_queued(generation: Generation) -> bool:
    """Tell whether it has a place in the queue for a slot, also while its pictures are being decoded."""
    return bool(generation.request.queued) and generation.state in (State.REQUESTED, State.VALIDATED)


def due_at(generation: Generation, timeouts: Timeouts) -> datetime | None:
    """Return when the scheduler acts on it at the latest; None when nothing is left to do.

    A final generation has nothing left once its quota is settled and, if its owner wants that, it is erased.
    """
    match generation.state:
        case State.COMPLETED | State.FAILED:
            unfinished = generation.quota == "held" or (generation.erase_requested and not generation.erased)
            return generation.moved_at + timeouts.redelivery if unfinished else None
        case State.WAITING:
            return generation.retry_at
        case State.INTENDED:
            return generation.claim_until
        case State.REQUESTED | State.VALIDATED | State.RESERVED | State.STARTED | State.SETTLED:
            return generation.moved_at + timeouts.redelivery
        case _:
            assert_never(generation.state)
