"""What a submission is answered."""

from collections.abc import Sequence
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from domain.generation.estimate import Basis
from domain.submission.composition import Composition
from gateway.generations.answers import SubmissionWarning, Urls
from gateway.openapi.values import Free, Hash, Time, Uuid


class GenerationCreated(TypedDict):
    """A recorded submission: where to follow it, until when it starts and ends, and what it could do better."""

    id: Uuid
    status: Literal["pending"]
    message: str
    start_by: Time
    deadline: Time
    queued: bool
    warnings: Sequence[SubmissionWarning]
    urls: Urls


class JudgedImage(TypedDict):
    """An example image as the service judges it."""

    content_type: str
    width: int
    height: int
    size_bytes: int
    sha256: Hash


class ModelInput(TypedDict):
    """What the model would be given."""

    prompt: str
    parameters: Free
    composition: Composition | None
    example_images: Sequence[JudgedImage]


class QuotaAfter(TypedDict):
    """Units of the month and slots, with those that the submission would take; null: unlimited."""

    period: str
    used: int
    limit: int | None
    slots: int
    slot_limit: int | None


class QueuePosition(TypedDict):
    """How many generations are before it; a lower bound unless it is exact."""

    position: int
    position_is_exact: bool


class EstimatedRun(TypedDict):
    """When it would start and end, and its cost; `basis`: recent generations, or a typical duration."""

    start: Time
    completion: Time
    duration_seconds: float
    cost_usd: float | None
    basis: Basis
    generations: int


class DryRunAnswer(TypedDict):
    """What would be recorded; `replayed`: what was recorded under the same Idempotency-Key as `id`."""

    dry_run: Literal[True]
    replayed: bool
    start_by: Time
    deadline: Time
    warnings: Sequence[SubmissionWarning]
    id: NotRequired[Uuid]
    input: NotRequired[ModelInput]
    queued: NotRequired[bool]
    quota: NotRequired[QuotaAfter]
    queue: NotRequired[QueuePosition]
    estimate: NotRequired[EstimatedRun]
