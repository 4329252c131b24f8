"""Why a generation is not finished yet: one reason of a closed list, its numbers, and a plain sentence."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from domain.generation import Generation, State
from domain.lifecycle import UNSENT, Patience, due_at


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


THROTTLED = "provider_throttled"
ACCOUNT_FAULTS = frozenset({"provider_unauthorized", "provider_payment"})
"""What the provider says of our account: nothing is asked of it until the circuit closes again."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reason and its numbers; None for what there is none of.

    `since` is the moment at which the wait began, `next_try_at` when it is looked at again at the latest,
    `deadline` when it ends as failed if nothing happens.
    """

    reason: Reason
    since: datetime
    waited_ms: int
    next_try_at: datetime | None
    attempt: int
    percent: int
    deadline: datetime | None
    sentence: str


def explain(g: Generation, *, now: datetime, patience: Patience) -> Explanation:
    """Explain where a generation stands at `now`."""
    reason = reason_of(g)
    since = _since(g, reason)
    waited_ms = 0 if g.final else max(0, (now - since) // timedelta(milliseconds=1))
    return Explanation(
        reason=reason,
        since=since,
        waited_ms=waited_ms,
        next_try_at=_next_try(g, now, patience),
        attempt=g.attempt,
        percent=100 if g.state in (State.SETTLED, State.COMPLETED) else g.percent,
        deadline=None if g.final else _deadline(g),
        sentence=_sentence(g, reason, waited_ms // 1000),
    )


def reason_of(g: Generation) -> Reason:
    """Name what a generation waits for; a wish to cancel comes before everything but the end."""
    if g.final:
        return Reason.FINAL
    if g.cancel_requested:
        return Reason.CANCELING
    match g.state:
        case State.REQUESTED:
            return Reason.VALIDATION
        case State.VALIDATED:
            return Reason.QUOTA_SLOT
        case State.RESERVED:
            return Reason.CLAIM
        case State.INTENDED:
            return Reason.INVOCATION
        case State.WAITING:
            return _refusal(g.refusal)
        case State.STARTED:
            return Reason.PROVIDER
        case _:
            return Reason.RESULT


def _refusal(code: str | None) -> Reason:
    match code:
        case None:  # the attempt was lost: the next one may be claimed at once
            return Reason.CLAIM
        case _ if code == THROTTLED:
            return Reason.PROVIDER_THROTTLE
        case _ if code in ACCOUNT_FAULTS:
            return Reason.CIRCUIT
        case _:
            return Reason.PROVIDER_UNREACHABLE


def _since(g: Generation, reason: Reason) -> datetime:
    if reason is Reason.CANCELING and g.cancel_requested_at is not None:
        return g.cancel_requested_at
    return g.moved_at


def _deadline(g: Generation) -> datetime:
    return min(g.request.start_by, g.request.finish_by) if g.state in UNSENT else g.request.finish_by


def _next_try(g: Generation, now: datetime, patience: Patience) -> datetime | None:
    """Tell when it is looked at again; past that moment the pauses are the scheduler's own."""
    due = None if g.final else due_at(g, patience)
    return due if due is not None and due > now else None


def _sentence(g: Generation, reason: Reason, seconds: int) -> str:
    match reason:
        case Reason.VALIDATION:
            return f"Its example images have been waiting for {seconds} s to be decoded."
        case Reason.QUOTA_SLOT:
            return f"Its slot is held; it has been waiting for {seconds} s for that to be recorded."
        case Reason.CLAIM:
            return f"It has been waiting for {seconds} s for attempt {g.attempt + 1} to be made."
        case Reason.INVOCATION:
            return f"Attempt {g.attempt} was sent {seconds} s ago; the image model has not answered yet."
        case Reason.PROVIDER_THROTTLE:
            return f"The image model asked for a pause {seconds} s ago, after attempt {g.attempt}."
        case Reason.PROVIDER_UNREACHABLE:
            return f"The image model could not be reached {seconds} s ago, at attempt {g.attempt}."
        case Reason.CIRCUIT:
            return f"The image model refused our account {seconds} s ago; it is asked again after a pause."
        case Reason.PROVIDER:
            return f"The image model has been at work for {seconds} s and has come {g.percent} percent."
        case Reason.RESULT:
            return f"The image model is done; its images have been on their way to us for {seconds} s."
        case Reason.CANCELING:
            return f"It was asked to end {seconds} s ago; it ends as soon as the image model has let go."
        case Reason.FINAL:
            return f"It failed: {g.failure.code}." if g.failure else "It is completed."
        case _:
            assert_never(reason)
