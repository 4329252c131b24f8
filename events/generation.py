"""The events of stream `generation-<id>`; those of quota, invocation and owner are in files of their own."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AwareDatetime

from events.event import Event, OmittedIfEmpty, OmittedIfNone, Part
from events.event_type import EventType, whole
from events.invocation import INVOCATION, InvocationEvent
from events.owner import OWNER, OwnerEvent
from events.quota import QUOTA, QuotaEvent
from events.shown import ShownCompletion, ShownImage, ShownRequest, ShownValidation

_DIGEST: Final = "0" * 64
_ID: Final = "00000000-0000-7000-8000-000000000000"
_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_PERIOD: Final = "2026-01"


class Owner(Part):
    """The ids of the end user who submitted, of their project and of its developer."""

    developer: str
    project: str
    user: str


class StoredImage(Part):
    """An image of which the bytes are stored; `digest`: salted SHA-256 that names the blob; `size`: bytes."""

    digest: str
    content_type: str
    width: int
    height: int
    size: int


class Example(StoredImage):
    """An example image as received."""


class Picture(StoredImage):
    """A result."""


class Warned(Part):
    """A warning that the client got; `example`: number of the example image that it is about, from 0."""

    code: str
    example: int | None


class DecodedExample(Part):
    """An example image as decoded: sides in pixels, colour mode, number of frames."""

    format: str
    width: int
    height: int
    mode: str
    frames: int


class GenerationRequested(Event, name="generation.requested"):
    """A submission was admitted.

    personal_data: random token of the record beside the log that holds instructions, metadata and file names.
    fingerprint: salted hash of the submission, compared when the Idempotency-Key is repeated.
    idempotent: the client sent an Idempotency-Key.
    period: month of the held quota unit, as 2026-11.
    start_by, finish_by: deadlines for the paid call and for the end.
    webhook_events: words of `webhook_events_filter`; none where the request names no webhook.
    retry_of: the generation that this one repeats; seed: the seed to use.
    cancel_after: seconds of the request's `Cancel-After`, which `finish_by` then follows from.
    own_start: `start_by` is the client's own deadline.
    queued: no slot was free, and the generation waits for one.
    api_key: id of the project's key that the request was sent with.
    estimate_microusd: its expected cost by the durations of recent generations, in millionths of a US dollar.
    """

    owner: Owner
    personal_data: str
    fingerprint: str
    idempotent: bool
    examples: tuple[Example, ...]
    period: str
    tier: str
    start_by: AwareDatetime
    finish_by: AwareDatetime
    webhook_events: tuple[str, ...] = ()
    retry_of: Annotated[str | None, OmittedIfNone] = None
    seed: Annotated[int | None, OmittedIfNone] = None
    cancel_after: Annotated[int | None, OmittedIfNone] = None
    own_start: Annotated[bool | None, OmittedIfNone] = None
    warnings: Annotated[tuple[Warned, ...], OmittedIfEmpty] = ()
    queued: Annotated[bool | None, OmittedIfNone] = None
    api_key: Annotated[str | None, OmittedIfNone] = None
    estimate_microusd: Annotated[int | None, OmittedIfNone] = None


class GenerationValidated(Event, name="generation.validated"):
    """Every example image decoded, and the input of the model is fixed.

    composition: how the examples became one image; width, height: its sides in pixels.
    input_image: salted SHA-256 of the composed picture; input_digest: salted hash of the whole input.
    outputs: number of images to make.
    """

    examples: tuple[DecodedExample, ...]
    composition: str
    width: int
    height: int
    input_image: str
    input_digest: str
    seed: int
    outputs: int


class GenerationCompleted(Event, name="generation.completed"):
    """The pictures are stored; `cost_microusd`: millionths of a US dollar."""

    pictures: tuple[Picture, ...]
    predict_seconds: float | None
    cost_microusd: int | None


class GenerationFailed(Event, name="generation.failed"):
    """It ended without a picture; `code`: a `FailureCode`; `stage`: where it ended."""

    code: str
    stage: str
    retryable: bool


def _image(stored: StoredImage) -> ShownImage:
    return ShownImage(**stored.model_dump(exclude={"digest"}))


def _requested(event: GenerationRequested) -> dict[str, Any]:
    shown = ShownRequest(examples=tuple(map(_image, event.examples)), retry_of=event.retry_of)
    return shown.model_dump(mode="json")


def _validated(event: GenerationValidated) -> dict[str, Any]:
    return event.model_dump(include={*ShownValidation.model_fields})


def _completed(event: GenerationCompleted) -> dict[str, Any]:
    return ShownCompletion(images=tuple(map(_image, event.pictures))).model_dump(mode="json")


GenerationEvent = (
    GenerationRequested
    | GenerationValidated
    | GenerationCompleted
    | GenerationFailed
    | QuotaEvent
    | InvocationEvent
    | OwnerEvent
)

GENERATION: Final = (
    EventType(
        writer="the gateway, as the first event of the stream",
        sample=GenerationRequested(
            owner=Owner(developer=_ID, project=_ID, user=_ID),
            personal_data="example",
            fingerprint=_DIGEST,
            idempotent=False,
            examples=(Example(digest=_DIGEST, content_type="image/jpeg", width=600, height=400, size=65_536),),
            period=_PERIOD,
            tier="example",
            start_by=_TIME + timedelta(minutes=10),
            finish_by=_TIME + timedelta(minutes=35),
        ),
        public=_requested,
        shown_as=ShownRequest,
        deliverable=True,
        queues=("validation", "delivery"),
        subscribers=("projector", "usage", "delivery"),
    ),
    EventType(
        writer="validation",
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
        shown_as=ShownValidation,
        deliverable=True,
        decided_by=("validation",),
        queues=("quota", "delivery"),
        subscribers=("projector", "delivery"),
    ),
    EventType(
        writer="completion",
        sample=GenerationCompleted(
            pictures=(Picture(digest=_DIGEST, content_type="image/png", width=1024, height=1024, size=1_048_576),),
            predict_seconds=3.5,
            cost_microusd=None,
        ),
        public=_completed,
        shown_as=ShownCompletion,
        deliverable=True,
        decided_by=("completion",),
        webhook_filter="completed",
        final=True,
        queues=("quota", "erasure", "projector", "delivery"),
        subscribers=("projector", "usage", "settlement", "delivery"),
    ),
    EventType(
        writer="validation, quota, invocation, completion, the gateway (cancellation), the scheduler",
        sample=GenerationFailed(code="provider_failed", stage="completion", retryable=True),
        public=whole,
        deliverable=True,
        decided_by=("validation", "quota", "invocation", "completion"),
        webhook_filter="completed",
        final=True,
        queues=("quota", "cancellation", "erasure", "projector", "delivery"),
        subscribers=("projector", "usage", "settlement", "cancellation", "delivery"),
    ),
    *QUOTA,
    *INVOCATION,
    *OWNER,
)
