"""The paid call of a generation and its prediction at the provider."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime

from events.event import Event, OmittedIfNone
from events.event_type import EventType, nothing, whole

Outcome = Literal["succeeded", "failed", "canceled", "aborted"]

_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


class InvocationIntended(Event, name="generation.invocation_intended"):
    """The paid call of `attempt` (from 1) may be made until `claim_until`; later it is only looked for.

    provider_time: the provider's clock at this time; None where it was not known.
    """

    attempt: int
    claim_until: AwareDatetime
    provider_time: Annotated[AwareDatetime | None, OmittedIfNone] = None


class GenerationStarted(Event, name="generation.started"):
    """The provider runs `prediction` for `attempt`."""

    attempt: int
    prediction: str
    model: str


class InvocationRefused(Event, name="generation.invocation_refused"):
    """The provider refused the call and created nothing; `retry_at` None: there is no further attempt."""

    attempt: int
    code: str
    retry_at: AwareDatetime | None


class InvocationLost(Event, name="generation.invocation_lost"):
    """The outcome of `attempt` was unknown, and nothing was found at the provider."""

    attempt: int


class GenerationProgressed(Event, name="generation.progressed"):
    """The progress that the provider reports, 0 to 100 percent."""

    percent: int


class PredictionSettled(Event, name="generation.prediction_settled"):
    """The prediction has ended.

    code: the provider's error code; predict_seconds: seconds of compute; total_seconds: with waiting.
    cost_microusd: cost at the price of that day, in millionths of a US dollar.
    answer: salted hash of the provider's texts, which are kept beside the log.
    """

    attempt: int
    prediction: str
    outcome: Outcome
    code: str | None
    predict_seconds: float | None
    total_seconds: float | None
    cost_microusd: Annotated[int | None, OmittedIfNone] = None
    answer: Annotated[str | None, OmittedIfNone] = None


class DuplicateFound(Event, name="generation.duplicate_found"):
    """A second prediction of this generation was found; it is cancelled and its cost recorded."""

    attempt: int
    prediction: str
    predict_seconds: float | None
    cost_microusd: Annotated[int | None, OmittedIfNone] = None


InvocationEvent = (
    InvocationIntended
    | GenerationStarted
    | InvocationRefused
    | InvocationLost
    | GenerationProgressed
    | PredictionSettled
    | DuplicateFound
)

INVOCATION: Final = (
    EventType(
        writer="invocation, right before the paid call",
        sample=InvocationIntended(attempt=1, claim_until=_TIME + timedelta(seconds=10)),
        decided_by=("invocation",),
        subscribers=("projector",),
    ),
    EventType(
        writer="invocation (answer), the gateway (callback) or the scheduler (list), the first that knows it",
        sample=GenerationStarted(attempt=1, prediction="example", model="example/model"),
        public=nothing,
        deliverable=True,
        webhook_filter="start",
        queues=("cancellation", "delivery"),
        subscribers=("projector", "cancellation", "delivery"),
    ),
    EventType(
        writer="invocation, when nothing was created",
        sample=InvocationRefused(attempt=1, code="429", retry_at=_TIME),
        decided_by=("invocation",),
        queues=("invocation",),
        subscribers=("projector",),
    ),
    EventType(
        writer="the scheduler, when nothing can be found",
        sample=InvocationLost(attempt=1),
        queues=("invocation",),
        subscribers=("projector",),
    ),
    EventType(
        writer="the gateway (callbacks) or the scheduler (polls), at most ten a generation",
        sample=GenerationProgressed(percent=50),
        public=whole,
        deliverable=True,
        webhook_filter="progress",
        queues=("delivery",),
        subscribers=("projector", "delivery"),
    ),
    EventType(
        writer="the gateway or the scheduler; for an unknown prediction with `generation.started`",
        sample=PredictionSettled(
            attempt=1,
            prediction="example",
            outcome="succeeded",
            code=None,
            predict_seconds=3.5,
            total_seconds=5.25,
        ),
        queues=("completion",),
        subscribers=("projector", "usage"),
    ),
    EventType(
        writer="the first to learn of a second prediction",
        sample=DuplicateFound(attempt=1, prediction="example", predict_seconds=None),
        queues=("cancellation",),
        subscribers=("projector", "usage", "cancellation"),
    ),
)
