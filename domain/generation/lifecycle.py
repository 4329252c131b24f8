"""The moves that the rules allow, and how long each state may rest before it is driven again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.generation.generation import Generation, State
from events.event import Event
from events.generation import (
    CancelRequested,
    DuplicateFound,
    GenerationCompleted,
    GenerationErased,
    GenerationFailed,
    GenerationProgressed,
    GenerationPublished,
    GenerationRequested,
    GenerationStarted,
    GenerationValidated,
    InvocationIntended,
    InvocationLost,
    InvocationRefused,
    PredictionSettled,
    QuotaReserved,
    QuotaSettled,
)

FINAL = frozenset({State.COMPLETED, State.FAILED})
RUNNING = frozenset(State) - FINAL
UNSENT = frozenset({State.REQUESTED, State.VALIDATED, State.RESERVED, State.WAITING})
"""Nothing can run at the provider."""

# Event -> the states in which it may be appended.
ALLOWED: Mapping[type[Event], frozenset[State]] = {
    GenerationRequested: frozenset(),
    GenerationValidated: frozenset({State.REQUESTED}),
    QuotaReserved: frozenset({State.VALIDATED}),
    InvocationIntended: frozenset({State.RESERVED, State.WAITING}),
    GenerationStarted: frozenset({State.INTENDED, State.WAITING}),
    InvocationRefused: frozenset({State.INTENDED}),
    InvocationLost: frozenset({State.INTENDED}),
    GenerationProgressed: frozenset({State.STARTED}),
    PredictionSettled: frozenset({State.STARTED, State.FAILED}),
    GenerationCompleted: frozenset({State.SETTLED}),
    GenerationFailed: RUNNING,
    QuotaSettled: FINAL,
    CancelRequested: RUNNING,
    DuplicateFound: frozenset(State),
    GenerationPublished: FINAL,
    GenerationErased: FINAL,
}


class IllegalTransitionError(Exception):
    """A decision wants a move that the rules do not know: a fault of ours, never of a client."""


def check(generation: Generation | None, event: Event) -> None:
    """Raise `IllegalTransitionError` unless the rules allow `event` now."""
    if generation is None:
        allowed = isinstance(event, GenerationRequested)
    else:
        allowed = generation.state in ALLOWED[type(event)]
    if not allowed:
        state = generation.state.value if generation else "nothing"
        raise IllegalTransitionError(f"{event.type} is not allowed after {state}")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long things may rest: `hop` between two actors; `claim` for the paid call; the two deadlines."""

    redelivery: timedelta = timedelta(seconds=5)
    claim: timedelta = timedelta(seconds=10)
    to_start: timedelta = timedelta(minutes=10)
    in_all: timedelta = timedelta(minutes=35)


def due_at(generation: Generation, timeouts: Timeouts) -> datetime | None:
    """Tell when the scheduler should look at it again; None when nothing is left to do.

    A claim is looked for when it has run out, a running prediction is asked for after one hop, a
    provider's "try later" is honoured, and a final generation is done once its quota is settled.
    """
    match generation.state:
        case State.COMPLETED | State.FAILED:
            unfinished = generation.quota == "held" or (generation.erase_requested and not generation.erased)
            return generation.moved_at + timeouts.redelivery if unfinished else None
        case State.WAITING:
            return generation.retry_at
        case State.INTENDED:
            return generation.claim_until
        case _:
            return generation.moved_at + timeouts.redelivery
