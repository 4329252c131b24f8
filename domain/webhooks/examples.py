"""Sample events for testing an endpoint: complete, valid and marked as samples."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.generation import (
    CancelRequested,
    DecodedExample,
    Example,
    GenerationCompleted,
    GenerationErased,
    GenerationFailed,
    GenerationProgressed,
    GenerationPublished,
    GenerationRequested,
    GenerationStarted,
    GenerationValidated,
    Owner,
    Picture,
)

EXAMPLE_ID = "00000000-0000-7000-8000-000000000000"
_MODEL = "example/model"
_NO_TIME = timedelta(minutes=35)


def example_of(event_type: str, *, project: str, now: datetime) -> RecordedEvent:
    """Make an example of an event type, as if the generation with id zero had just recorded it."""
    facts = _facts(project, now)
    version = list(facts).index(event_type) + 1
    stream = f"generation-{EXAMPLE_ID}"
    return RecordedEvent(stream, version, now, facts[event_type], Cause(actor="actor:example"))


def _facts(project: str, now: datetime) -> Mapping[str, Event]:
    picture = Picture(digest="0" * 64, content_type="image/png", width=1024, height=1024, size=1_048_576)
    example = Example(digest="0" * 64, content_type="image/jpeg", width=600, height=400, size=65_536)
    decoded = DecodedExample(format="JPEG", width=600, height=400, mode="RGB", frames=1)
    facts: tuple[Event, ...] = (
        GenerationRequested(
            owner=Owner(developer=EXAMPLE_ID, project=project, user=EXAMPLE_ID),
            personal_data="example",
            fingerprint="0" * 64,
            idempotent=False,
            examples=(example,),
            period=f"{now:%Y-%m}",
            tier="example",
            start_by=now + _NO_TIME,
            finish_by=now + _NO_TIME,
        ),
        GenerationValidated(
            examples=(decoded,),
            composition="first",
            width=600,
            height=400,
            input_image="0" * 64,
            input_digest="0" * 64,
            seed=42,
            outputs=1,
        ),
        GenerationStarted(attempt=1, prediction="example", model=_MODEL),
        GenerationProgressed(percent=50),
        GenerationCompleted(pictures=(picture,), predict_seconds=3.5, cost_microusd=None),
        GenerationFailed(code="provider_failed", stage="completion", retryable=True),
        CancelRequested(),
        GenerationPublished(is_public=True),
        GenerationErased(),
    )
    return {fact.type: fact for fact in facts}
