"""The request of ``POST generate-v2``: read, held to its limits, judged.

Which fault is answered when there are several, in this order:

1. before ``100 Continue``: a Content-Encoding, a body that is not multipart/form-data, a Content-Length that
   no legal submission has (``image_too_large``);
2. while reading, in the order of the bytes: an image over 10 MiB, a sixth image, a broken body, a body that
   stops coming, a process without room;
3. when everything is there: no image; format, then dimensions, of any image; ``instructions`` missing or sent
   twice, length, JSON, object, prompt, values; ``metadata``; ``webhook``; ``webhook_events_filter``.
"""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.submission.image_header import MAX_BYTES, DimensionsExceeded, Header, UnsupportedFormat, judge
from domain.submission.instructions import Instructions, parse_instructions
from domain.submission.metadata import metadata_refusal, parse_metadata
from domain.submission.model_inputs import Ceilings
from gateway.http.bodies import Body
from gateway.settings import GatewaySettings
from gateway.submissions.form import MAX_IMAGES, TEXT_FIELDS, Form, ImagePart
from gateway.submissions.multipart import parse_boundary, read_multipart
from gateway.submissions.spool import Spool
from gateway.submissions.upload_budget import Lease, UploadBudget

MAX_BODY: Final = MAX_IMAGES * MAX_BYTES + 1024 * 1024  # five images and slack for the framing
MAX_FILTERS: Final = 16


@dataclass(frozen=True, slots=True)
class Upload:
    """One example image: ``size`` in bytes, ``sha256`` in hex, ``filename`` as sent ("" when none was)."""

    size: int
    sha256: str
    header: Header
    filename: str
    _spool: Spool = field(repr=False)

    async def read(self) -> bytes:
        """Return the whole content, at most 10 MiB; not after the submission was closed."""
        return await self._spool.read()


@dataclass(frozen=True, slots=True)
class Submission:
    """A legal request; a context manager that gives its bytes back to the budget at its end.

    ``instructions`` is the text as received, ``parsed`` what it says.
    """

    images: tuple[Upload, ...]
    instructions: str
    parsed: Instructions
    webhook: str | None
    webhook_events_filter: tuple[str, ...]
    metadata: dict[str, object] | None
    _close: Callable[[], None] = field(repr=False)

    def close(self) -> None:
        """Forget the images; closing twice is no error."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def read_submission(
    request: web.Request, *, settings: GatewaySettings, budget: UploadBudget
) -> Submission:
    """Read and judge a submission; the caller closes it, best with ``with``.

    Raises ExemplarError or FieldError in the order above, ConnectionError when the client went away. Whatever
    happens, cancellation included, nothing is held afterwards but by a Submission that was returned.
    """
    body = Body(request, settings)
    boundary = parse_boundary(request.headers.get("Content-Type", ""))
    if (request.content_length or 0) > MAX_BODY:
        raise ExemplarError(ErrorCode.IMAGE_TOO_LARGE)
    lease = budget.lease()
    form = Form(lease, memory=settings.upload_memory)
    try:
        await _fill(form, body, boundary)
        return _judge(form, lease, settings.ceilings)
    except BaseException:
        _release(form, lease)
        raise


async def _fill(form: Form, body: Body, boundary: str) -> None:
    async with aclosing(read_multipart(body, boundary)) as events:
        async for event in events:
            if body.received > MAX_BODY:
                raise ExemplarError(ErrorCode.BODY_TOO_LARGE)
            await form.take(event)


def _judge(form: Form, lease: Lease, ceilings: Ceilings) -> Submission:
    images = _judge_images(form.images)
    instructions = _decode_instructions(form.text("instructions"))
    return Submission(
        images=images,
        instructions=instructions,
        parsed=parse_instructions(instructions, ceilings=ceilings),
        metadata=_judge_metadata(form.text("metadata")),
        webhook=_judge_webhook(form.text("webhook")),
        webhook_events_filter=_judge_filters(form.texts("webhook_events_filter")),
        _close=lambda: _release(form, lease),
    )


def _release(form: Form, lease: Lease) -> None:
    form.close()
    lease.close()


def _judge_images(parts: list[ImagePart]) -> tuple[Upload, ...]:
    if not parts:
        raise FieldError(
            ErrorCode.MISSING_IMAGES, ("body", "example_images"), "field required", "value_error.missing"
        )
    uploads, too_big = [], False
    for part in parts:
        try:
            header = judge(part.spool.source())
        except UnsupportedFormat as error:
            raise ExemplarError(ErrorCode.IMAGE_FORMAT) from error
        except DimensionsExceeded:
            too_big = True
        else:
            uploads.append(Upload(part.spool.size, part.spool.sha256, header, part.filename, part.spool))
    if too_big:
        raise ExemplarError(ErrorCode.IMAGE_DIMENSIONS)
    return tuple(uploads)


def _decode_instructions(raw: bytes | None) -> str:
    loc = ("body", "instructions")
    if raw is None:
        raise FieldError(ErrorCode.MISSING_INSTRUCTIONS, loc, "field required", "value_error.missing")
    if len(raw) > TEXT_FIELDS["instructions"]:
        raise ExemplarError(ErrorCode.INSTRUCTIONS_LENGTH)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FieldError(
            ErrorCode.INSTRUCTIONS_JSON, loc, "Invalid JSON format", "value_error.json"
        ) from error


def _judge_metadata(raw: bytes | None) -> dict[str, object] | None:
    if not raw:
        return None
    try:
        return parse_metadata(raw.decode())
    except UnicodeDecodeError as error:
        raise metadata_refusal("Invalid JSON format", "value_error.json") from error


def _judge_webhook(raw: bytes | None) -> str | None:
    """Take an absolute http(s) URL; whether its host may be called is decided when it is."""
    if not raw:
        return None
    try:
        url = raw.decode("ascii")
        parts = urlsplit(url)
        legal = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:
        raise _webhook_refusal() from error
    if not legal or parts.username is not None or len(raw) > TEXT_FIELDS["webhook"] or not url.isprintable():
        raise _webhook_refusal()
    return url


def _webhook_refusal() -> FieldError:
    return FieldError(
        ErrorCode.INVALID_WEBHOOK, ("body", "webhook"), "invalid or unsupported URL", "value_error.url"
    )


def _judge_filters(raw: list[bytes]) -> tuple[str, ...]:
    legal = all(len(name) <= TEXT_FIELDS["webhook_events_filter"] and name.isascii() for name in raw)
    names = tuple(name.decode("ascii", "replace") for name in raw if name)
    if not legal or len(names) > MAX_FILTERS or not all(name.isprintable() for name in names):
        loc = ("body", "webhook_events_filter")
        raise FieldError(ErrorCode.INVALID_WEBHOOK, loc, "invalid event name", "value_error")
    return names
