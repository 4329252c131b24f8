"""The decisions about a generation, beside the events that they append; the paid call is in `invocation`.

A decision takes the folded generation and returns the events to append; deciding twice returns `[]`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from domain.errors import FailureCode
from domain.generation import invocation
from domain.generation.generation import Changes, Generation, State
from domain.generation.lifecycle import FINAL, RUNNING, UNSENT
from domain.generation.timings import is_run_in_vain
from events import generation as facts
from events.erasure import Grounds
from events.event import Event
from events.owner import CancelRequested, GenerationErased, GenerationPublished
from events.quota import QuotaReserved, QuotaSettled
from events.stream_fault import StreamFaultError

RETRYABLE: Final = frozenset(
    {FailureCode.PROVIDER_FAILED, FailureCode.PROVIDER_CANCELED, FailureCode.OUTPUT_UNAVAILABLE}
)
"""The failures after the prediction has ended that another try may not meet."""

ALLOWED: Final[Mapping[type[Event], frozenset[State]]] = {
    **invocation.ALLOWED,
    facts.GenerationRequested: frozenset(),
    facts.GenerationValidated: frozenset({State.REQUESTED}),
    QuotaReserved: frozenset({State.VALIDATED}),
    facts.GenerationCompleted: frozenset({State.SETTLED}),
    facts.GenerationFailed: RUNNING,
    QuotaSettled: FINAL,
    CancelRequested: RUNNING,
    GenerationPublished: FINAL,
    GenerationErased: FINAL,
}
"""Event -> the states in which it may be appended."""


def changes_of(g: Generation, event: facts.GenerationEvent, time: datetime) -> Changes:
    """Tell what an event changes, apart from version and times."""
    match event:
        case facts.GenerationRequested():
            raise StreamFaultError(f"generation {g.id} is requested twice")
        case facts.GenerationValidated():
            return {"state": State.VALIDATED, "validated": event}
        case QuotaReserved():
            return {"state": State.RESERVED, "reserved": True, "hold": event.hold}
        case facts.GenerationCompleted():
            cost = g.cost_microusd if event.cost_microusd is None else event.cost_microusd
            ended = {"state": State.COMPLETED, "finished_at": time}
            return {**ended, "pictures": event.pictures, "cost_microusd": cost}
        case facts.GenerationFailed():
            ended = {"state": State.FAILED, "finished_at": time}
            return {**ended, "failure": event, "unresolved": invocation.given_up(g, time)}
        case QuotaSettled():
            return {"quota": event.outcome}
        case CancelRequested():
            return _cancel_requested(g, event, time)
        case GenerationPublished():
            return {"is_public": event.is_public}
        case GenerationErased():
            return {"erased": True, "is_public": False}
        case _:
            return invocation.changes_of(g, event, time)


def _cancel_requested(g: Generation, event: CancelRequested, time: datetime) -> Changes:
    return {
        "cancel_requested": True,
        "cancel_requested_at": g.cancel_requested_at or time,
        "erase_requested": g.erase_requested or event.erase,
        "erase_grounds": g.erase_grounds or event.grounds,
    }


def validate(g: Generation, validated: facts.GenerationValidated) -> list[Event]:
    """Record that the examples decode, and the input of the model."""
    return [validated] if g.state is State.REQUESTED else []


def reject_examples(g: Generation) -> list[Event]:
    """Record that an example does not decode."""
    return [_failed(FailureCode.INVALID_IMAGE, "validation")] if g.state is State.REQUESTED else []


def reserve(g: Generation, reserved: QuotaReserved) -> list[Event]:
    """Record the held quota unit."""
    return [reserved] if g.state is State.VALIDATED else []


def deny(g: Generation) -> list[Event]:
    """Fail because no unit is left; only a hold that was lost after admission causes this."""
    return [_failed(FailureCode.QUOTA_EXCEEDED, "quota", retryable=True)] if g.state is State.VALIDATED else []


def complete(g: Generation, pictures: Sequence[facts.Picture], *, cost_microusd: int | None) -> list[Event]:
    """Complete with pictures; a request to cancel takes precedence over a late success."""
    if g.state is not State.SETTLED or g.settled is None:
        return []
    if g.cancel_requested:
        return [_failed(FailureCode.CANCELED, "completion")]
    return [
        facts.GenerationCompleted(
            pictures=tuple(pictures), predict_seconds=g.settled.predict_seconds, cost_microusd=cost_microusd
        )
    ]


def fail_settled(g: Generation, code: FailureCode) -> list[Event]:
    """Fail after the prediction has ended."""
    if g.state is not State.SETTLED:
        return []
    if g.cancel_requested:
        return [_failed(FailureCode.CANCELED, "completion")]
    return [_failed(code, "completion", retryable=code in RETRYABLE)]


def cancel(g: Generation, *, erase: bool = False, grounds: Grounds | None = None) -> list[Event]:
    """Request cancellation, and fail at once unless a prediction may run at the provider.

    With `erase` the generation is erased as soon as it is final, on these grounds.
    """
    requested = CancelRequested(erase=erase, grounds=grounds)
    repeated = g.cancel_requested and (g.erase_requested or not erase)
    if g.final or repeated:
        return []
    if g.state in UNSENT:
        return [requested, _failed(FailureCode.CANCELED, g.state.value)]
    if g.state is State.SETTLED:
        return [requested, _failed(FailureCode.CANCELED, "completion")]
    return [requested]


def expire(g: Generation, *, now: datetime) -> list[Event]:
    """Fail a generation whose deadline to start or to finish has passed, ours or the client's own."""
    if g.final:
        return []
    if now >= g.request.finish_by:
        by_client = g.request.cancel_after is not None
        code = FailureCode.CANCEL_AFTER if by_client else FailureCode.FINISH_DEADLINE
    elif g.state in UNSENT and now >= g.request.start_by:
        code = FailureCode.START_TIMEOUT if g.request.own_start else FailureCode.START_DEADLINE
    else:
        return []
    if g.cancel_requested:
        return [_failed(FailureCode.CANCELED, "deadline")]
    return [_failed(code, "deadline", retryable=True)]


def settle_quota(g: Generation, *, charge: bool = False) -> list[Event]:
    """Spend the unit of a completed generation, release that of a failed one; `charge`: not of a run in vain."""
    if not g.final or g.quota != "held":
        return []
    spends = g.state is State.COMPLETED or (charge and is_run_in_vain(g))
    return [QuotaSettled(period=g.request.period, outcome="spent" if spends else "released")]


def publish(g: Generation, *, is_public: bool) -> list[Event]:
    """Make a final generation public, or private again."""
    if not g.final or g.erased or g.is_public == is_public:
        return []
    return [GenerationPublished(is_public=is_public)]


def erase(g: Generation, *, grounds: Grounds | None = None) -> list[Event]:
    """Record that its personal data and pictures are deleted, on the grounds that were given first."""
    return [GenerationErased(grounds=g.erase_grounds or grounds)] if g.final and not g.erased else []


def _failed(code: FailureCode, stage: str, *, retryable: bool = False) -> facts.GenerationFailed:
    return facts.GenerationFailed(code=code.value, stage=stage, retryable=retryable)
