"""The decisions of the road: each takes the folded generation and returns the events to append.

Deciding twice returns `[]`: a repeat is no error. Time comes in as a value.
"""

from collections.abc import Sequence
from datetime import datetime

from domain.errors import FailureCode
from domain.generation.generation import Generation, State
from domain.generation.lifecycle import UNSENT, Timeouts
from events.event import Event
from events.generation import (
    CancelRequested,
    DuplicateFound,
    GenerationCompleted,
    GenerationErased,
    GenerationFailed,
    GenerationProgressed,
    GenerationPublished,
    GenerationStarted,
    GenerationValidated,
    InvocationIntended,
    InvocationLost,
    InvocationRefused,
    Picture,
    PredictionSettled,
    QuotaReserved,
    QuotaSettled,
)

MAX_LOST = 3
PROGRESS_STEP = 10


def validate(g: Generation, validated: GenerationValidated) -> list[Event]:
    """Record that the examples decode and what the model will be given."""
    return [validated] if g.state is State.REQUESTED else []


def reject_examples(g: Generation) -> list[Event]:
    """Record that an example does not decode."""
    return [_failed(FailureCode.INVALID_IMAGE, "validation")] if g.state is State.REQUESTED else []


def reserve(g: Generation, reserved: QuotaReserved) -> list[Event]:
    """Write the held unit into the log."""
    return [reserved] if g.state is State.VALIDATED else []


def deny(g: Generation) -> list[Event]:
    """Record that no unit is left, which only a hold lost on the way can cause."""
    return (
        [_failed(FailureCode.QUOTA_EXCEEDED, "quota", retryable=True)] if g.state is State.VALIDATED else []
    )


def intend(g: Generation, *, now: datetime, timeouts: Timeouts) -> list[Event]:
    """Claim the next paid call; nothing while one is claimed, running, cancelled or told to wait."""
    ready = g.state is State.RESERVED or (
        g.state is State.WAITING and g.retry_at is not None and g.retry_at <= now
    )
    if not ready or g.cancel_requested or now >= g.request.start_by:
        return []
    return [InvocationIntended(attempt=g.attempt + 1, claim_until=now + timeouts.claim)]


def start(g: Generation, *, attempt: int, prediction: str, model: str) -> list[Event]:
    """Adopt a prediction that turned up; a second one is a duplicate, a known one nothing new."""
    if prediction == g.prediction or any(known.prediction == prediction for known in g.duplicates):
        return []
    if g.state is State.WAITING or (g.state is State.INTENDED and g.attempt == attempt):
        return [GenerationStarted(attempt=attempt, prediction=prediction, model=model)]
    return [DuplicateFound(attempt=attempt, prediction=prediction, predict_seconds=None)]


def refuse(g: Generation, *, attempt: int, code: str, retry_at: datetime | None) -> list[Event]:
    """Record the provider's no; for good when there is no `retry_at`, or when it was cancelled meanwhile."""
    if g.state is not State.INTENDED or g.attempt != attempt:
        return []
    refused = InvocationRefused(attempt=attempt, code=code, retry_at=retry_at)
    if g.cancel_requested:
        return [refused, _failed(FailureCode.CANCELED, "invocation")]
    return [refused] if retry_at else [refused, _failed(FailureCode.PROVIDER_REFUSED, "invocation")]


def lose(g: Generation, *, attempt: int) -> list[Event]:
    """Resolve an unknown outcome as never created; three times are enough."""
    if g.state is not State.INTENDED or g.attempt != attempt:
        return []
    lost = InvocationLost(attempt=attempt)
    if g.cancel_requested:
        return [lost, _failed(FailureCode.CANCELED, "invocation")]
    if g.lost + 1 >= MAX_LOST:
        return [lost, _failed(FailureCode.INVOCATION_LOST, "invocation", retryable=True)]
    return [lost]


def progress(g: Generation, *, prediction: str, percent: int) -> list[Event]:
    """Note how far the model has come, in steps of ten percent."""
    if g.state is not State.STARTED or g.prediction != prediction:
        return []
    step = min(percent, 100) // PROGRESS_STEP * PROGRESS_STEP
    return [GenerationProgressed(percent=step)] if step > g.percent else []


def settle_prediction(g: Generation, settled: PredictionSettled, *, model: str) -> list[Event]:
    """Record that the provider is done, adopting the prediction first when nobody knew it.

    What ended before its prediction did learns late what that has cost.
    """
    adopted = start(g, attempt=settled.attempt, prediction=settled.prediction, model=model)
    known = settled.prediction == g.prediction or (adopted and isinstance(adopted[0], GenerationStarted))
    if not known:
        return _cost_of_duplicate(g, settled)
    return [] if g.settled is not None else [*adopted, settled]


def _cost_of_duplicate(g: Generation, settled: PredictionSettled) -> list[Event]:
    """Record a duplicate that is over, and what it cost, once."""
    costed = [known.predict_seconds for known in g.duplicates if known.prediction == settled.prediction]
    if costed and (settled.predict_seconds is None or costed[-1] is not None):
        return []
    return [
        DuplicateFound(
            attempt=settled.attempt,
            prediction=settled.prediction,
            predict_seconds=settled.predict_seconds,
            cost_microusd=settled.cost_microusd,
        )
    ]


def complete(g: Generation, pictures: Sequence[Picture], *, cost_microusd: int | None) -> list[Event]:
    """Finish with pictures; a request to cancel wins over a late success."""
    if g.state is not State.SETTLED or g.settled is None:
        return []
    if g.cancel_requested:
        return [_failed(FailureCode.CANCELED, "completion")]
    return [
        GenerationCompleted(
            pictures=tuple(pictures), predict_seconds=g.settled.predict_seconds, cost_microusd=cost_microusd
        )
    ]


def fail_settled(g: Generation, code: FailureCode, *, retryable: bool) -> list[Event]:
    """Finish without a picture after the provider is done."""
    if g.state is not State.SETTLED:
        return []
    if g.cancel_requested:
        return [_failed(FailureCode.CANCELED, "completion")]
    return [_failed(code, "completion", retryable=retryable)]


def cancel(g: Generation, *, erase: bool = False) -> list[Event]:
    """Ask for the end: at once unless something may run upstream, else once that is known to be over.

    With `erase` nothing of it shall be kept: `erase` follows when it is final.
    """
    known = g.cancel_requested and (g.erase_requested or not erase)
    if g.final or known:
        return []
    if g.state in UNSENT:
        return [CancelRequested(erase=erase), _failed(FailureCode.CANCELED, g.state.value)]
    if g.state is State.SETTLED:
        return [CancelRequested(erase=erase), _failed(FailureCode.CANCELED, "completion")]
    return [CancelRequested(erase=erase)]


def expire(g: Generation, *, now: datetime) -> list[Event]:
    """End what has waited too long: 10 minutes to start, 35 in all, or as long as its client would wait."""
    if g.final:
        return []
    if now >= g.request.finish_by:
        own = g.request.cancel_after is not None
        code = FailureCode.CANCEL_AFTER if own else FailureCode.FINISH_DEADLINE
    elif g.state in UNSENT and now >= g.request.start_by:
        code = FailureCode.START_DEADLINE
    else:
        return []
    if g.cancel_requested:
        return [_failed(FailureCode.CANCELED, "deadline")]
    return [_failed(code, "deadline", retryable=True)]


def settle_quota(g: Generation) -> list[Event]:
    """Spend the unit of a completed generation, give back that of a failed one."""
    if not g.final or g.quota != "held":
        return []
    outcome = "spent" if g.state is State.COMPLETED else "released"
    return [QuotaSettled.model_validate({"period": g.request.period, "outcome": outcome})]


def publish(g: Generation, *, is_public: bool) -> list[Event]:
    """Make a final generation public, or private again."""
    if not g.final or g.erased or g.is_public == is_public:
        return []
    return [GenerationPublished(is_public=is_public)]


def erase(g: Generation) -> list[Event]:
    """Note that its words and pictures are gone."""
    return [GenerationErased()] if g.final and not g.erased else []


def _failed(code: FailureCode, stage: str, *, retryable: bool = False) -> GenerationFailed:
    return GenerationFailed(code=code.value, stage=stage, retryable=retryable)
