"""Read and validate the body of ``POST generate-v2``.

When a request has several faults, the first of this order is answered:

1. before ``100 Continue``: a Content-Encoding, a body that is not multipart/form-data, a Content-Length that
   no valid submission has (``image_too_large``);
2. while reading, in the order of the bytes: an image over 10 MiB, a sixth image, a malformed body, a body
   that stops arriving, a full upload budget;
3. when everything has arrived: no image; format, then dimensions, of any image; ``instructions`` missing or
   sent twice, length, JSON, object, prompt, values; ``metadata``; ``webhook``; ``webhook_events_filter``.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.submission.image_header import MAX_BYTES, DimensionsExceeded, UnsupportedFormat, judge
from domain.submission.instructions import parse_instructions
from domain.submission.model_inputs import Ceilings
from gateway.http.bodies import Body
from gateway.http.byte_budget import ByteBudget, ByteLease
from gateway.settings import GatewaySettings
from gateway.submissions.content import Content, ContentImage
from gateway.submissions.uploads.boundary import parse_boundary
from gateway.submissions.uploads.fields import (
    decode_instructions,
    missing_message,
    read_metadata,
    read_webhook,
    read_webhook_filter,
)
from gateway.submissions.uploads.multipart import read_multipart
from gateway.submissions.uploads.parts import MAX_IMAGES, FormParts, ImagePart
from store.crash_points import crash_point

MAX_BODY: Final = MAX_IMAGES * MAX_BYTES + 1024 * 1024  # five images and slack for the framing


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReader:
    """Read submissions within the limits of the settings and the upload budget of the process."""

    gateway_settings: GatewaySettings
    upload_budget: ByteBudget

    @asynccontextmanager
    async def read(self, request: web.Request, developer: str, user: str) -> AsyncIterator[Content]:
        """Yield the validated content of a developer's user; its images can be read within the block.

        Raises ExemplarError or FieldError in the order above, ConnectionError when the client disconnected.
        Images and budget are released at the end of the block, or at once when reading fails.
        """
        settings = self.gateway_settings
        body = Body(request, settings)
        boundary = parse_boundary(request.headers.get("Content-Type", ""))
        if (request.content_length or 0) > MAX_BODY:
            raise ExemplarError(ErrorCode.IMAGE_TOO_LARGE)
        with (
            closing(ByteLease(self.upload_budget, developer, user=user)) as lease,
            closing(FormParts(lease, settings.upload_memory)) as parts,
        ):
            async with aclosing(read_multipart(body.read, boundary)) as events:
                async for event in events:
                    if body.received > MAX_BODY:
                        raise ExemplarError(ErrorCode.BODY_TOO_LARGE)
                    await parts.take(event)
                    crash_point("gateway", "mid_upload")
            yield _validated(parts, settings.ceilings)


def _validated(parts: FormParts, ceilings: Ceilings) -> Content:
    images = _images(parts)
    instructions = decode_instructions(parts.text("instructions"), parts.unknown)
    parse_instructions(instructions, ceilings=ceilings)
    return Content(
        images=images,
        instructions=instructions,
        metadata=read_metadata(parts.text("metadata")),
        webhook=read_webhook(parts.text("webhook")),
        webhook_events_filter=read_webhook_filter(parts.texts("webhook_events_filter")),
    )


def _images(parts: FormParts) -> tuple[ContentImage, ...]:
    if not parts.images:
        msg = missing_message(parts.unknown, "name each file example_images or files")
        raise FieldError(ErrorCode.MISSING_IMAGES, ("body", "example_images"), msg, "value_error.missing")
    images, too_big = [], False
    for part in parts.images:
        try:
            images.append(_image(part))
        except UnsupportedFormat as error:
            raise ExemplarError(ErrorCode.IMAGE_FORMAT) from error
        except DimensionsExceeded:
            too_big = True
    if too_big:
        raise ExemplarError(ErrorCode.IMAGE_DIMENSIONS)
    return tuple(images)


def _image(part: ImagePart) -> ContentImage:
    """Describe a picture by its header, without decoding it."""
    spool, header = part.spool, judge(part.spool.source())
    kind, width, height = header.content_type, header.width, header.height
    return ContentImage(spool.size, spool.sha256, kind, width, height, part.filename, spool.read)
