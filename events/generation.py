"""The facts of stream `generation-<id>`, in the order in which the road makes them."""

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from events.event import Event

Outcome = Literal["succeeded", "failed", "canceled", "aborted"]


class Fact(BaseModel):
    """A frozen part of an event."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Owner(Fact):
    """Who asked: three ids that belong to each other."""

    developer: str
    project: str
    user: str


class Example(Fact):
    """An example picture as it arrived; `digest` is salted: it names the blob and reveals nothing."""

    digest: str
    content_type: str
    width: int
    height: int
    size: int


class DecodedExample(Fact):
    """An example picture as its pixels were read: frame size in pixels, colour mode, number of frames."""

    format: str
    width: int
    height: int
    mode: str
    frames: int


class Picture(Fact):
    """A result picture that we keep; `digest` is the salted SHA-256 of its bytes."""

    digest: str
    content_type: str
    width: int
    height: int
    size: int


def _is_none(value: object) -> bool:
    return value is None


# Written only when there is something to say, so that older facts keep their bytes and their hash.
Unsaid = Field(default=None, exclude_if=_is_none)


class GenerationRequested(Event):
    """A client's request was admitted; words and pictures lie beside the log under `words`.

    `retry_of` names the generation that this one repeats, `seed` the seed that it shall have. `cancel_after`
    is the client's own patience in seconds; then `finish_by` is his, and no deadline of ours.
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
    retry_of: Annotated[str | None, Unsaid] = None
    seed: Annotated[int | None, Unsaid] = None
    cancel_after: Annotated[int | None, Unsaid] = None


class GenerationValidated(Event):
    """Every example decoded and the model's input is fixed; `input_digest` is its salted hash."""

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
    """One unit of `period` and one slot are held; None means unlimited."""

    type: ClassVar[str] = "generation.quota_reserved"
    period: str
    used: int
    limit: int | None
    slots: int
    slot_limit: int | None


class InvocationIntended(Event):
    """The paid call of `attempt` may be made until `claim_until`; after that it is only looked for."""

    type: ClassVar[str] = "generation.invocation_intended"
    attempt: int
    claim_until: AwareDatetime


class GenerationStarted(Event):
    """The provider's prediction for `attempt` is known."""

    type: ClassVar[str] = "generation.started"
    attempt: int
    prediction: str
    model: str


class InvocationRefused(Event):
    """The provider said no before creating anything; `retry_at` None means: never again."""

    type: ClassVar[str] = "generation.invocation_refused"
    attempt: int
    code: str
    retry_at: AwareDatetime | None


class InvocationLost(Event):
    """The unknown outcome of `attempt` was resolved as never created."""

    type: ClassVar[str] = "generation.invocation_lost"
    attempt: int


class GenerationProgressed(Event):
    """The model has come this far: 0 to 100 percent."""

    type: ClassVar[str] = "generation.progressed"
    percent: int


class PredictionSettled(Event):
    """The provider is done with `prediction`; times are seconds of compute and in all.

    `cost_microusd` is what they cost on that day, in millionths of a US dollar.
    """

    type: ClassVar[str] = "generation.prediction_settled"
    attempt: int
    prediction: str
    outcome: Outcome
    code: str | None
    predict_seconds: float | None
    total_seconds: float | None
    cost_microusd: Annotated[int | None, Unsaid] = None


class GenerationCompleted(Event):
    """The pictures are ours; `cost_microusd` is millionths of a US dollar."""

    type: ClassVar[str] = "generation.completed"
    pictures: tuple[Picture, ...]
    predict_seconds: float | None
    cost_microusd: int | None


class GenerationFailed(Event):
    """It will not become a picture; `code` is of the closed list, `stage` says where it ended."""

    type: ClassVar[str] = "generation.failed"
    code: str
    stage: str
    retryable: bool


class QuotaSettled(Event):
    """The slot is free again; the unit is spent for good or given back."""

    type: ClassVar[str] = "generation.quota_settled"
    period: str
    outcome: Literal["spent", "released"]


class CancelRequested(Event):
    """Its owner wants no picture any more; with `erase`, nothing of it kept either."""

    type: ClassVar[str] = "generation.cancel_requested"
    erase: bool = False


class DuplicateFound(Event):
    """A second prediction of this generation turned up; it is cancelled and its cost recorded."""

    type: ClassVar[str] = "generation.duplicate_found"
    attempt: int
    prediction: str
    predict_seconds: float | None
    cost_microusd: Annotated[int | None, Unsaid] = None


class GenerationPublished(Event):
    """Its owner made it public, or private again."""

    type: ClassVar[str] = "generation.published"
    is_public: bool


class GenerationErased(Event):
    """Its words and pictures are gone."""

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
