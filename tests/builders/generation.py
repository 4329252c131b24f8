"""Events of a generation, the shortest stream to each state, and given/when/then for its decisions."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.generation.fold import check, fold
from domain.generation.generation import Generation, stream_of
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.generation import (
    GENERATION,
    DecodedExample,
    Example,
    GenerationCompleted,
    GenerationFailed,
    GenerationRequested,
    GenerationValidated,
    Owner,
    Picture,
)
from events.invocation import (
    GenerationStarted,
    InvocationIntended,
    InvocationLost,
    InvocationRefused,
    PredictionSettled,
)
from events.owner import CancelRequested
from events.quota import QuotaReserved
from tests.builders.scenario import Given

ID = "0193f5e0-0000-7000-8000-000000000001"
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
START_BY = START + timedelta(minutes=10)
FINISH_BY = START + timedelta(minutes=35)
CLAIM_UNTIL = START + timedelta(seconds=10)
MODEL = "stability-ai/sdxl:7762fd07"

Decision = Callable[[Generation], Sequence[Event]]


def requested(**changes: Any) -> GenerationRequested:
    fields: dict[str, Any] = {
        "owner": Owner(developer="dev-1", project="prj-1", user="usr-1"),
        "personal_data": "token-1",
        "fingerprint": "f" * 64,
        "idempotent": False,
        "examples": (Example(digest="a" * 64, content_type="image/png", width=600, height=400, size=9000),),
        "period": "2026-11",
        "tier": "free_starter",
        "start_by": START_BY,
        "finish_by": FINISH_BY,
    }
    return GenerationRequested(**{**fields, **changes})


VALIDATED = GenerationValidated(
    examples=(DecodedExample(format="PNG", width=600, height=400, mode="RGB", frames=1),),
    composition="first",
    width=600,
    height=400,
    input_image="b" * 64,
    input_digest="c" * 64,
    seed=42,
    outputs=1,
)
RESERVED = QuotaReserved(period="2026-11", used=1, limit=100, slots=1, slot_limit=1)
PICTURE = Picture(digest="d" * 64, content_type="image/png", width=1024, height=1024, size=1_500_000)


def intended(attempt: int = 1, claim_until: datetime = CLAIM_UNTIL) -> InvocationIntended:
    return InvocationIntended(attempt=attempt, claim_until=claim_until)


def started(attempt: int = 1, prediction: str = "p1") -> GenerationStarted:
    return GenerationStarted(attempt=attempt, prediction=prediction, model=MODEL)


def refused(attempt: int = 1, retry_at: datetime | None = START, code: str = "429") -> InvocationRefused:
    return InvocationRefused(attempt=attempt, code=code, retry_at=retry_at)


def lost(attempt: int = 1) -> InvocationLost:
    return InvocationLost(attempt=attempt)


def settled(attempt: int = 1, prediction: str = "p1", outcome: str = "succeeded") -> PredictionSettled:
    return PredictionSettled.model_validate(
        {
            "attempt": attempt,
            "prediction": prediction,
            "outcome": outcome,
            "code": None,
            "predict_seconds": 3.5,
            "total_seconds": 5.25,
        }
    )


def failed(code: str, stage: str, *, retryable: bool = False) -> GenerationFailed:
    return GenerationFailed(code=code, stage=stage, retryable=retryable)


COMPLETED = GenerationCompleted(pictures=(PICTURE,), predict_seconds=3.5, cost_microusd=4_000)
CANCELED = CancelRequested()

# The shortest stream to every state.
TO_REQUESTED: tuple[Event, ...] = (requested(),)
TO_VALIDATED = (*TO_REQUESTED, VALIDATED)
TO_RESERVED = (*TO_VALIDATED, RESERVED)
TO_INTENDED = (*TO_RESERVED, intended())
TO_WAITING = (*TO_INTENDED, refused())
TO_STARTED = (*TO_INTENDED, started())
TO_SETTLED = (*TO_STARTED, settled())
TO_COMPLETED = (*TO_SETTLED, COMPLETED)
TO_FAILED = (*TO_REQUESTED, failed("invalid_image", "validation"))


ONE_OF_EACH: tuple[Event, ...] = tuple(row.sample for row in GENERATION)
"""A sample of every event type of a generation."""


def recorded(events: Sequence[Event], *, after: int = 0, time: datetime = START) -> list[RecordedEvent]:
    """Record events behind version `after`, a second apart."""
    return [
        RecordedEvent(
            stream=stream_of(ID),
            version=version,
            time=time + timedelta(seconds=version - 1),
            event=event,
            cause=Cause(actor="actor:test"),
        )
        for version, event in enumerate(events, start=after + 1)
    ]


def folded(events: Sequence[Event]) -> Generation:
    generation = fold(recorded(events))
    assert generation is not None
    return generation


def given(*events: Event) -> Given[Generation]:
    return Given(events, folded, check)
