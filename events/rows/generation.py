"""The event types of stream `generation-<id>`; what concerns quota and provider alone has no public view."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from events.event import Event
from events.event_type import EventType
from events.generation import (
    CancelRequested,
    DecodedExample,
    DuplicateFound,
    Example,
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
    Owner,
    Picture,
    PredictionSettled,
    QuotaReserved,
    QuotaSettled,
)

_ID: Final = "00000000-0000-7000-8000-000000000000"
_DIGEST: Final = "0" * 64
_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_PERIOD: Final = "2026-01"


def _requested(event: GenerationRequested) -> dict[str, Any]:
    examples = [example.model_dump(exclude={"digest"}) for example in event.examples]
    return {"examples": examples} | ({"retry_of": event.retry_of} if event.retry_of else {})


def _validated(event: GenerationValidated) -> dict[str, Any]:
    return event.model_dump(include={"composition", "width", "height", "seed"})


def _completed(event: GenerationCompleted) -> dict[str, Any]:
    return {"images": [picture.model_dump(exclude={"digest"}) for picture in event.pictures]}


def _everything(event: Event) -> dict[str, Any]:
    return event.model_dump(mode="json")


def _nothing(_: Event) -> dict[str, Any]:
    return {}


GENERATION: Final = (
    EventType(
        sample=GenerationRequested(
            owner=Owner(developer=_ID, project=_ID, user=_ID),
            personal_data="example",
            fingerprint=_DIGEST,
            idempotent=False,
            examples=(
                Example(digest=_DIGEST, content_type="image/jpeg", width=600, height=400, size=65_536),
            ),
            period=_PERIOD,
            tier="example",
            start_by=_TIME + timedelta(minutes=10),
            finish_by=_TIME + timedelta(minutes=35),
        ),
        public=_requested,
        deliverable=True,
        queues=("validation", "delivery"),
        subscribers=("projector", "delivery"),
    ),
    EventType(
        sample=GenerationValidated(
            examples=(DecodedExample(format="JPEG", width=600, height=400, mode="RGB", frames=1),),
            composition="first",
            width=600,
            height=400,
            input_image=_DIGEST,
            input_digest=_DIGEST,
            seed=42,
            outputs=1,
        ),
        public=_validated,
        deliverable=True,
        queues=("quota", "delivery"),
        subscribers=("projector", "delivery"),
    ),
    EventType(
        sample=QuotaReserved(period=_PERIOD, used=1, limit=100, slots=1, slot_limit=1),
        queues=("invocation",),
        subscribers=("projector",),
    ),
    EventType(
        sample=InvocationIntended(attempt=1, claim_until=_TIME + timedelta(seconds=10)),
        subscribers=("projector",),
    ),
    EventType(
        sample=GenerationStarted(attempt=1, prediction="example", model="example/model"),
        public=_nothing,
        deliverable=True,
        webhook_filter="start",
        queues=("cancellation", "delivery"),
        subscribers=("projector", "delivery"),
    ),
    EventType(
        sample=InvocationRefused(attempt=1, code="429", retry_at=_TIME),
        queues=("invocation",),
        subscribers=("projector",),
    ),
    EventType(sample=InvocationLost(attempt=1), queues=("invocation",), subscribers=("projector",)),
    EventType(
        sample=GenerationProgressed(percent=50),
        public=_everything,
        deliverable=True,
        webhook_filter="progress",
        queues=("delivery",),
        subscribers=("projector", "delivery"),
    ),
    EventType(
        sample=PredictionSettled(
            attempt=1,
            prediction="example",
            outcome="succeeded",
            code=None,
            predict_seconds=3.5,
            total_seconds=5.25,
        ),
        queues=("completion",),
        subscribers=("projector",),
    ),
    EventType(
        sample=GenerationCompleted(
            pictures=(
                Picture(digest=_DIGEST, content_type="image/png", width=1024, height=1024, size=1_048_576),
            ),
            predict_seconds=3.5,
            cost_microusd=None,
        ),
        public=_completed,
        deliverable=True,
        webhook_filter="completed",
        final=True,
        queues=("quota", "erasure", "projector", "delivery"),
        subscribers=("projector", "settlement", "delivery"),
    ),
    EventType(
        sample=GenerationFailed(code="provider_failed", stage="completion", retryable=True),
        public=_everything,
        deliverable=True,
        webhook_filter="completed",
        final=True,
        queues=("quota", "cancellation", "erasure", "projector", "delivery"),
        subscribers=("projector", "settlement", "cancellation", "delivery"),
    ),
    EventType(sample=QuotaSettled(period=_PERIOD, outcome="spent"), subscribers=("projector",)),
    EventType(
        sample=CancelRequested(),
        public=_nothing,
        deliverable=True,
        queues=("cancellation", "delivery"),
        subscribers=("projector", "cancellation", "delivery"),
    ),
    EventType(
        sample=DuplicateFound(attempt=1, prediction="example", predict_seconds=None),
        queues=("cancellation",),
        subscribers=("projector", "cancellation"),
    ),
    EventType(
        sample=GenerationPublished(is_public=True),
        public=_everything,
        deliverable=True,
        queues=("projector", "delivery"),
        subscribers=("projector", "delivery"),
    ),
    EventType(
        sample=GenerationErased(),
        public=_nothing,
        deliverable=True,
        queues=("erasure", "projector", "delivery"),
        subscribers=("projector", "erasure", "delivery"),
    ),
)
