"""What the routes of generations answer."""

from collections.abc import Mapping, Sequence
from typing import NotRequired

from typing_extensions import TypedDict

from domain.errors import FailureCode
from domain.generation.estimate import Basis
from domain.generation.explanation import Reason
from domain.generation.forecast import Obstacle
from domain.generation.generation import Status
from domain.generation.timings import Phase
from domain.submission.warnings import WarningCode
from events.control import ControlKind, Submissions
from gateway.openapi.values import Free, Hash, Time, Url, Uuid


class PublicImage(TypedDict):
    """A result picture as everyone in the project sees it."""

    url: Url
    width: int
    height: int
    content_type: str


class ResultImage(PublicImage):
    """A result picture of the owner; `sha256` is null once the picture is deleted."""

    sha256: Hash | None
    size_bytes: int


class PublicResult(TypedDict):
    """The result pictures."""

    images: Sequence[PublicImage]


class Result(TypedDict):
    """The result pictures of the owner."""

    images: Sequence[ResultImage]


class Failure(TypedDict):
    """Why a generation failed; `stage`: where it ended, `retryable`: whether a retry may help."""

    code: FailureCode
    stage: str
    retryable: bool
    message: str


class Timings(TypedDict):
    """Seconds from the request to the start, from there to the end, and in all; and each phase in milliseconds."""

    pending_seconds: float | None
    processing_seconds: float | None
    total_seconds: float | None
    predict_seconds: float | None
    phases_ms: Mapping[Phase, int]
    total_ms: int


class Cost(TypedDict):
    """What it cost, in all and by phase, and what it was expected to cost; null while that is unknown."""

    predict_seconds: float | None
    usd: float | None
    estimated_usd: float | None
    phases_usd: Mapping[Phase, float] | None


class SubmissionWarning(TypedDict):
    """What a submission should do better; `example`: the number of an example image, from 0.

    fields: the first fields of the form that are not known, in the answer to the submission.
    """

    code: WarningCode
    message: str
    example: int | None
    fields: NotRequired[Sequence[str]]


class Urls(TypedDict):
    """The addresses of a generation; `image` is a signed link where the picture is private."""

    self: Url
    status: Url
    events: Url
    cancel: Url
    retry: Url
    explain: Url
    image: Url
    receipt: Url
    web: Url


class QueueInfo(TypedDict):
    """The queue before a generation, and when it is expected to start and to end."""

    position: int | None
    position_is_exact: bool | None
    estimated_start: Time | None
    estimated_completion: Time | None
    basis: Basis
    generations: int
    possible: bool
    reason: Obstacle | None


class SharedGeneration(TypedDict):
    """What the owner and the others in the project see of a generation."""

    id: Uuid
    status: Status
    generated_image_url: Url | None
    result_image_url: Url | None
    instructions: str
    is_public: bool
    created_at: Time
    updated_at: Time
    completed_at: Time | None
    example_images: Sequence[Url]


class PublicGeneration(SharedGeneration):
    """A public generation; its example pictures stay private."""

    result: PublicResult | None


class OwnedGeneration(SharedGeneration):
    """A generation as its owner sees it."""

    result: Result | None
    state: str
    error: str | None
    failure: Failure | None
    version: int
    start_by: Time
    deadline: Time
    expires_at: Time | None
    warnings: Sequence[SubmissionWarning]
    timings: Timings
    cost: Cost
    retry_of: Uuid | None
    request_id: str | None
    metadata: Free
    urls: Urls


class Generation(OwnedGeneration):
    """A generation of the reader; `queue` comes when it is read alone, and is null once it has ended."""

    queue: NotRequired[QueueInfo | None]


class ProjectGeneration(OwnedGeneration):
    """A generation as the developer of the project sees it."""

    user_id: Uuid


class ListWindow(TypedDict, total=False):
    """Which part of a list: a numbered page, or what follows a cursor, whose first part tells the total."""

    total: int
    total_is_exact: bool
    page: int
    per_page: int
    limit: int
    next_cursor: str | None


class Generations(ListWindow):
    """Generations of the reader, newest first."""

    generations: Sequence[Generation]


class ProjectGenerations(ListWindow):
    """Generations of a project, newest first."""

    generations: Sequence[ProjectGeneration]


class PublicGenerations(ListWindow):
    """Public generations of the project, newest first."""

    generations: Sequence[PublicGeneration]


class DeletedGeneration(TypedDict):
    """The generation that is deleted."""

    id: Uuid
    message: str


class ConcernedControl(TypedDict):
    """A control of an operator that concerns a generation."""

    kind: ControlKind
    holds: bool
    submissions: Submissions
    since: Time
    expected_end: Time | None
    limit: int | None


class GenerationExplanation(TypedDict):
    """Why a generation is not finished: a reason, its numbers and a sentence.

    next_try_at: when the service acts at the latest. slot_holders: the caller's own generations that hold slots.
    """

    id: Uuid
    status: Status
    state: str
    reason: Reason
    since: Time
    waited_ms: int
    position: int | None
    position_is_exact: bool | None
    provider_since: Time | None
    next_try_at: Time | None
    attempt: int
    percent: int
    deadline: Time | None
    sentence: str
    slot_holders: Sequence[Uuid]
    controls: Sequence[ConcernedControl]
