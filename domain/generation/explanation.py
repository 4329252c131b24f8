"""Explain why a generation is not final: a reason of a closed list, its numbers, and a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.controls.controls import Control
from domain.generation.generation import Generation, State
from domain.generation.lifecycle import READY, UNSENT, Timeouts, due_at, expires_at, waits_for_slot
from events.control import ControlKind

POSITION_BOUND: Final = 1_000
"""The queue before a generation is counted up to this number."""


class Reason(StrEnum):
    """What a generation waits for. Closed: a test compares it with the documentation."""

    VALIDATION = "validation"
    SLOT = "slot"
    QUOTA_SLOT = "quota_slot"
    MAINTENANCE = "maintenance"
    PROVIDER_STOPPED = "provider_stopped"
    PAUSED = "paused"
    CLAIM = "claim"
    INVOCATION = "invocation"
    PROVIDER_THROTTLE = "provider_throttle"
    PROVIDER_UNREACHABLE = "provider_unreachable"
    CIRCUIT = "circuit"
    PROVIDER = "provider"
    RESULT = "result"
    CANCELING = "canceling"
    FINAL = "final"


HELD: Final = frozenset({Reason.MAINTENANCE, Reason.PROVIDER_STOPPED, Reason.PAUSED})
"""What waits for an operator."""

THROTTLED: Final = "provider_throttled"
ACCOUNT_FAULTS: Final = frozenset({"provider_unauthorized", "provider_payment"})
"""Refusals of the whole provider account: the circuit is open until a pause has passed."""

_OF_STATE: Final[Mapping[State, Reason]] = {
    State.REQUESTED: Reason.VALIDATION,
    State.VALIDATED: Reason.QUOTA_SLOT,
    State.RESERVED: Reason.CLAIM,
    State.INTENDED: Reason.INVOCATION,
    State.STARTED: Reason.PROVIDER,
    State.SETTLED: Reason.RESULT,
    State.COMPLETED: Reason.FINAL,
    State.FAILED: Reason.FINAL,
}
_OF_REFUSAL: Final[Mapping[str | None, Reason]] = {
    None: Reason.CLAIM,  # the attempt was lost, so the next one may be claimed at once
    THROTTLED: Reason.PROVIDER_THROTTLE,
    **dict.fromkeys(ACCOUNT_FAULTS, Reason.CIRCUIT),
}

_OF_CONTROL: Final[Mapping[ControlKind, Reason]] = {
    "maintenance": Reason.MAINTENANCE,
    "provider": Reason.PROVIDER_STOPPED,
    "developer": Reason.PAUSED,
    "project": Reason.PAUSED,
}

_SENTENCES: Final[Mapping[Reason, str]] = {
    Reason.VALIDATION: "It has waited {seconds} s for its example images to be decoded",
    Reason.SLOT: "It has waited {seconds} s for one of the developer's slots to be free",
    Reason.QUOTA_SLOT: "It has waited {seconds} s for its quota unit to be recorded",
    Reason.MAINTENANCE: "It has waited {seconds} s and is sent after the maintenance",
    Reason.PROVIDER_STOPPED: "It has waited {seconds} s; the operator has stopped calls of the image model",
    Reason.PAUSED: "It has waited {seconds} s; the operator has paused this {paused}",
    Reason.CLAIM: "It has waited {seconds} s for attempt {following} to be made",
    # There may have been an answer that does not tell the outcome, for example a 500.
    Reason.INVOCATION: "Attempt {attempt} was sent {seconds} s ago; its outcome is not known yet",
    Reason.PROVIDER_THROTTLE: "The image model asked for a pause {seconds} s ago, after attempt {attempt}",
    Reason.PROVIDER_UNREACHABLE: "The image model could not be reached {seconds} s ago, at attempt {attempt}",
    Reason.CIRCUIT: "The image model refused this service {seconds} s ago; it is called again after a pause",
    Reason.PROVIDER: "The image model has been running for {seconds} s and has reached {percent} percent",
    Reason.RESULT: "The image model has finished; its images have been downloading for {seconds} s",
    Reason.CANCELING: "Cancellation was requested {seconds} s ago; it ends when the image model has stopped",
}


@dataclass(frozen=True, slots=True)
class Ahead:
    """How many generations in the same state were admitted before; a lower bound unless `exact`."""

    number: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reason and its numbers.

    since: start of the wait; waited_ms: its length in milliseconds.
    position: the queue before it; None when it is final or not known.
    provider_since: when the call that the provider works on was claimed.
    next_try_at: when the scheduler acts at the latest; None when that time has passed.
    deadline: when it fails unless it has moved on.
    """

    reason: Reason
    since: datetime
    waited_ms: int
    position: Ahead | None
    provider_since: datetime | None
    next_try_at: datetime | None
    attempt: int
    percent: int
    deadline: datetime | None
    sentence: str


def explain(
    g: Generation, *, now: datetime, timeouts: Timeouts, ahead: Ahead | None = None, held_by: Control | None = None
) -> Explanation:
    """Explain the state of a generation at `now`; `held_by`: what holds back its paid call."""
    reason = reason_of(g, held_by)
    since = (g.cancel_requested_at if reason is Reason.CANCELING else None) or g.moved_at
    waited_ms = 0 if g.final else max(0, (now - since) // timedelta(milliseconds=1))
    position = None if g.final else ahead
    due = None if g.final else due_at(g, timeouts)
    return Explanation(
        reason=reason,
        since=since,
        waited_ms=waited_ms,
        position=position,
        provider_since=g.intended_at if g.state in (State.INTENDED, State.STARTED) else None,
        # Omit a time in the past: the scheduler backs off then, and the next try is later.
        next_try_at=due if due is not None and due > now and reason not in HELD else None,
        attempt=g.attempt,
        percent=100 if g.state in (State.SETTLED, State.COMPLETED) else g.percent,
        deadline=expires_at(g),
        sentence=_sentence(g, reason, waited_ms // 1000, position, held_by),
    )


def reason_of(g: Generation, held_by: Control | None = None) -> Reason:
    """Name what a generation waits for; a requested cancellation takes precedence unless it is final."""
    if g.cancel_requested and not g.final:
        return Reason.CANCELING
    if held_by is not None and g.state in READY:
        return reason_of_control(held_by)
    if g.state is State.WAITING:
        return _OF_REFUSAL.get(g.refusal, Reason.PROVIDER_UNREACHABLE)
    if waits_for_slot(g):
        return Reason.SLOT
    return _OF_STATE[g.state]


def reason_of_control(held_by: Control) -> Reason:
    """Name what a generation waits for that a control holds back."""
    return _OF_CONTROL[held_by.kind]


def _sentence(g: Generation, reason: Reason, seconds: int, ahead: Ahead | None, held_by: Control | None = None) -> str:
    if reason is Reason.FINAL:
        return f"It failed: {g.failure.code}." if g.failure else "It is completed."
    paused = held_by.kind if held_by else ""
    numbers = {"attempt": g.attempt, "following": g.attempt + 1, "percent": g.percent}
    text = _SENTENCES[reason].format(seconds=seconds, paused=paused, **numbers)
    if g.state not in UNSENT or ahead is None or ahead.number == 0:
        return f"{text}."
    bound = "" if ahead.exact else "at least "
    return f"{text}, behind {bound}{ahead.number} {'other' if ahead.number == 1 else 'others'}."
