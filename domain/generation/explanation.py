"""Why a generation is not finished yet: one reason of a closed list, its numbers, and a plain sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.generation.generation import Generation, State
from domain.generation.lifecycle import UNSENT, Timeouts, due_at

POSITION_BOUND: Final = 1_000
"""So many that wait before one are counted."""


class Reason(StrEnum):
    """What a generation waits for. Closed: a test compares it with the documentation."""

    VALIDATION = "validation"
    QUOTA_SLOT = "quota_slot"
    CLAIM = "claim"
    INVOCATION = "invocation"
    PROVIDER_THROTTLE = "provider_throttle"
    PROVIDER_UNREACHABLE = "provider_unreachable"
    CIRCUIT = "circuit"
    PROVIDER = "provider"
    RESULT = "result"
    CANCELING = "canceling"
    FINAL = "final"


THROTTLED: Final = "provider_throttled"
ACCOUNT_FAULTS: Final = frozenset({"provider_unauthorized", "provider_payment"})
"""What the provider says of our account: nothing is asked of it until the circuit closes again."""

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
    None: Reason.CLAIM,  # the attempt was lost: the next one may be claimed at once
    THROTTLED: Reason.PROVIDER_THROTTLE,
    **dict.fromkeys(ACCOUNT_FAULTS, Reason.CIRCUIT),
}

_SENTENCES: Final[Mapping[Reason, str]] = {
    Reason.VALIDATION: "Its example images have been waiting for {seconds} s to be decoded",
    Reason.QUOTA_SLOT: "Its slot is held; it has been waiting for {seconds} s for that to be recorded",
    Reason.CLAIM: "It has been waiting for {seconds} s for attempt {following} to be made",
    # Its answer may have come and leave open whether anything was made: a 500, half a body.
    Reason.INVOCATION: "Attempt {attempt} was sent {seconds} s ago; what became of it is not known yet",
    Reason.PROVIDER_THROTTLE: "The image model asked for a pause {seconds} s ago, after attempt {attempt}",
    Reason.PROVIDER_UNREACHABLE: "The image model could not be reached {seconds} s ago, at attempt {attempt}",
    Reason.CIRCUIT: "The image model refused our account {seconds} s ago; it is asked again after a pause",
    Reason.PROVIDER: "The image model has been at work for {seconds} s and has come {percent} percent",
    Reason.RESULT: "The image model is done; its images have been on their way to us for {seconds} s",
    Reason.CANCELING: "It was asked to end {seconds} s ago; it ends as soon as the image model has let go",
}


@dataclass(frozen=True, slots=True)
class Ahead:
    """How many that wait in the same state were admitted before; when not exact, at least so many."""

    number: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reason and its numbers; None for what there is none of.

    `since` is the moment at which the wait began, `provider_since` when the call was claimed that the
    provider is at, `next_try_at` when it is looked at again at the latest, `deadline` when it ends as failed
    if nothing happens.
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


def explain(g: Generation, *, now: datetime, timeouts: Timeouts, ahead: Ahead | None = None) -> Explanation:
    """Explain where a generation stands at `now`."""
    reason = reason_of(g)
    since = _since(g, reason)
    waited_ms = 0 if g.final else max(0, (now - since) // timedelta(milliseconds=1))
    position = None if g.final else ahead
    return Explanation(
        reason=reason,
        since=since,
        waited_ms=waited_ms,
        position=position,
        provider_since=g.intended_at if g.state in (State.INTENDED, State.STARTED) else None,
        next_try_at=_next_try(g, now, timeouts),
        attempt=g.attempt,
        percent=100 if g.state in (State.SETTLED, State.COMPLETED) else g.percent,
        deadline=None if g.final else _deadline(g),
        sentence=_sentence(g, reason, waited_ms // 1000, position),
    )


def reason_of(g: Generation) -> Reason:
    """Name what a generation waits for; a wish to cancel comes before everything but the end."""
    if g.cancel_requested and not g.final:
        return Reason.CANCELING
    if g.state is State.WAITING:
        return _OF_REFUSAL.get(g.refusal, Reason.PROVIDER_UNREACHABLE)
    return _OF_STATE[g.state]


def _since(g: Generation, reason: Reason) -> datetime:
    if reason is Reason.CANCELING and g.cancel_requested_at is not None:
        return g.cancel_requested_at
    return g.moved_at


def _deadline(g: Generation) -> datetime:
    return min(g.request.start_by, g.request.finish_by) if g.state in UNSENT else g.request.finish_by


def _next_try(g: Generation, now: datetime, timeouts: Timeouts) -> datetime | None:
    """Tell when it is looked at again; past that moment the pauses are the scheduler's own."""
    due = None if g.final else due_at(g, timeouts)
    return due if due is not None and due > now else None


def _sentence(g: Generation, reason: Reason, seconds: int, ahead: Ahead | None) -> str:
    if reason is Reason.FINAL:
        return f"It failed: {g.failure.code}." if g.failure else "It is completed."
    said = _SENTENCES[reason].format(
        seconds=seconds, attempt=g.attempt, following=g.attempt + 1, percent=g.percent
    )
    queued = g.state in UNSENT and ahead is not None and ahead.number > 0
    return f"{said}{_behind(ahead) if queued and ahead else ''}."


def _behind(ahead: Ahead) -> str:
    bound = "" if ahead.exact else "at least "
    return f", behind {bound}{ahead.number} {'other' if ahead.number == 1 else 'others'}"
