"""The events of stream `generation-<id>`, in the order in which they are usually appended."""

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from events.event import Event

Outcome = Literal["succeeded", "failed", "canceled", "aborted"]


class Part(BaseModel):
    """A frozen value inside of an event."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


class DecodedExample(Part):
    """An example image as decoded: sides in pixels, colour mode, number of frames."""

    format: str
    width: int
    height: int
    mode: str
    frames: int


# None is not written, so that events from before the field existed keep their bytes and their hash.
OmittedIfNone = Field(default=None, exclude_if=lambda value: value is None)


class GenerationRequested(Event):
    """A submission was admitted.

    personal_data: random token of the record beside the log that holds instructions, metadata and file names.
    fingerprint: salted hash of the submission, compared when the Idempotency-Key is repeated.
    idempotent: the client sent an Idempotency-Key.
    period: month of the held quota unit, as 2026-11.
    start_by, finish_by: deadlines for the paid call and for the end.
    webhook_events: words of `webhook_events_filter`.
    retry_of: the generation that this one repeats; seed: the seed to use.
    cancel_after: seconds of the request's `Cancel-After`, which `finish_by` then follows from.
    """

    type: ClassVar[str] = "generation.requested"
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


class GenerationValidated(Event):
    """Every example image decoded, and the input of the model is fixed.

    composition: how the examples became one image; width, height: its sides in pixels.
    input_image: salted SHA-256 that names its blob; input_digest: salted hash of the whole input.
    outputs: number of images to make.
    """

    type: ClassVar[str] = "generation.validated"
    examples: tuple[DecodedExample, ...]
    composition: str
    width: int
    height: int
    input_image: str
    input_digest: str
    seed: int
    outputs: int


class QuotaReserved(Event):
    """One unit of `period` and one slot are held; used and slots include them; None: no limit."""

    type: ClassVar[str] = "generation.quota_reserved"
    period: str
    used: int
    limit: int | None
    slots: int
    slot_limit: int | None


class InvocationIntended(Event):
    """The paid call of `attempt` (from 1) may be made until `claim_until`; later it is only looked for."""

    type: ClassVar[str] = "generation.invocation_intended"
    attempt: int
    claim_until: AwareDatetime


class GenerationStarted(Event):
    """The provider runs `prediction` for `attempt`."""

    type: ClassVar[str] = "generation.started"
    attempt: int
    prediction: str
    model: str


class InvocationRefused(Event):
    """The provider refused the call and created nothing; `retry_at` None: there is no further attempt."""

    type: ClassVar[str] = "generation.invocation_refused"
    attempt: int
    code: str
    retry_at: AwareDatetime | None


class InvocationLost(Event):
    """The outcome of `attempt` was unknown, and nothing was found at the provider."""

    type: ClassVar[str] = "generation.invocation_lost"
    attempt: int


class GenerationProgressed(Event):
    """The progress that the provider reports, 0 to 100 percent."""

    type: ClassVar[str] = "generation.progressed"
    percent: int


class PredictionSettled(Event):
    """The prediction has ended.

    code: the provider's error code; predict_seconds: seconds of compute; total_seconds: with waiting.
    cost_microusd: cost at the price of that day, in millionths of a US dollar.
    """

    type: ClassVar[str] = "generation.prediction_settled"
    attempt: int
    prediction: str
    outcome: Outcome
    code: str | None
    predict_seconds: float | None
    total_seconds: float | None
    cost_microusd: Annotated[int | None, OmittedIfNone] = None


class GenerationCompleted(Event):
    """The pictures are stored; `cost_microusd`: millionths of a US dollar."""

    type: ClassVar[str] = "generation.completed"
    pictures: tuple[Picture, ...]
    predict_seconds: float | None
    cost_microusd: int | None


class GenerationFailed(Event):
    """It ended without a picture; `code`: a `FailureCode`; `stage`: where it ended."""

    type: ClassVar[str] = "generation.failed"
    code: str
    stage: str
    retryable: bool


class QuotaSettled(Event):
    """The slot is released; the unit is spent or released."""

    type: ClassVar[str] = "generation.quota_settled"
    period: str
    outcome: Literal["spent", "released"]


class CancelRequested(Event):
    """The owner asked for cancellation, with `erase` also for deletion of all data."""

    type: ClassVar[str] = "generation.cancel_requested"
    erase: bool = False


class DuplicateFound(Event):
    """A second prediction of this generation was found; it is cancelled and its cost recorded."""

    type: ClassVar[str] = "generation.duplicate_found"
    attempt: int
    prediction: str
    predict_seconds: float | None
    cost_microusd: Annotated[int | None, OmittedIfNone] = None


class GenerationPublished(Event):
    """The owner made it public or private."""

    type: ClassVar[str] = "generation.published"
    is_public: bool


class GenerationErased(Event):
    """Its personal data and pictures are deleted."""

    type: ClassVar[str] = "generation.erased"


InvocationEvent = (
    InvocationIntended
    | GenerationStarted
    | InvocationRefused
    | InvocationLost
    | GenerationProgressed
    | PredictionSettled
    | DuplicateFound
)

GenerationEvent = (
    GenerationRequested
    | GenerationValidated
    | QuotaReserved
    | InvocationEvent
    | GenerationCompleted
    | GenerationFailed
    | QuotaSettled
    | CancelRequested
    | GenerationPublished
    | GenerationErased
)
