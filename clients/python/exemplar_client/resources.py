"""Types of responses; the service may add members at any time."""

from dataclasses import dataclass, field
from typing import Any, Literal, Required, TypedDict

Status = Literal["pending", "processing", "completed", "failed"]


class Image(TypedDict):
    """A generated picture."""

    url: str
    sha256: str
    width: int
    height: int
    content_type: str
    size_bytes: int


class Result(TypedDict):
    """All pictures of a generation."""

    images: list[Image]


class Failure(TypedDict):
    """Why a generation failed; `retryable`: the same request may succeed."""

    code: str
    stage: str
    message: str
    retryable: bool


class Timings(TypedDict):
    """Seconds, as far as they are known."""

    pending_seconds: float | None
    processing_seconds: float | None
    total_seconds: float | None
    predict_seconds: float | None


class RequestWarning(TypedDict):
    """What is worth knowing of an accepted submission; `example` is the number of a picture, from 0."""

    code: str
    message: str
    example: int | None


class Generation(TypedDict):
    """A generation; `state` is finer than `status`, times are RFC 3339, `instructions` as received."""

    id: str
    status: Status
    state: str
    generated_image_url: str | None
    result_image_url: str | None
    result: Result | None
    error: str | None
    failure: Failure | None
    instructions: str
    example_images: list[str]
    is_public: bool
    version: int
    created_at: str
    updated_at: str
    completed_at: str | None
    timings: Timings
    retry_of: str | None
    start_by: str
    deadline: str
    warnings: list[RequestWarning]
    metadata: dict[str, Any]
    urls: dict[str, str]


class Page(TypedDict, total=False):
    """One page of generations, newest first; with a cursor instead of a number where one was asked for."""

    generations: Required[list[Generation]]
    total: Required[int]
    page: int
    per_page: int
    limit: int
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A recorded submission; `replayed`: an earlier request with the same key recorded it.

    `queued`: it waits for a slot.
    """

    id: str
    idempotency_key: str
    replayed: bool
    urls: dict[str, str]
    queued: bool = False
    warnings: list[RequestWarning] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a stream; keep `position` to resume after it.

    `data` is the event's envelope, or the snapshot.
    """

    position: str
    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture whose bytes were checked against `sha256`."""

    content: bytes = field(repr=False)
    content_type: str
    sha256: str
