"""Read and validate the body of ``POST generate-v2``.

When a request has several faults, the first of this order is answered, and names the others that were found:

1. before ``100 Continue``: a Content-Encoding, a body that is not multipart/form-data, a Content-Length that
   no valid submission has (``image_too_large``);
2. while reading, in the order of the bytes: an image over 10 MiB, a sixth image, a malformed body, a body
   that stops arriving, a full upload budget;
3. when everything has arrived: all that ``validation`` finds.
"""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError
from domain.faults import Faults
from domain.submission.image_header import MAX_BYTES
from gateway.http.bodies import Body
from gateway.http.byte_budget import ByteBudget, ByteLease
from gateway.settings import GatewaySettings
from gateway.submissions.content import Content
from gateway.submissions.uploads.boundary import parse_boundary
from gateway.submissions.uploads.multipart import read_multipart
from gateway.submissions.uploads.parts import MAX_IMAGES, SUBMISSION_FIELDS, FormFields, FormParts
from gateway.submissions.uploads.stored_pictures import StoredPictures
from gateway.submissions.uploads.validation import FormRules, validated
from store.crash_points import crash_point

MAX_BODY: Final = MAX_IMAGES * MAX_BYTES + 1024 * 1024  # five images and slack for the framing


class Form(Protocol):
    """How a multipart body describes a submission: its fields, and what they mean."""

    @property
    def fields(self) -> FormFields: ...

    def content(self, parts: FormParts, rules: FormRules, faults: Faults) -> Content:
        """Validate the parts; raises the first fault, or an earlier one in `faults`, which names all others."""


class SubmissionForm:
    """The form of ``POST generate-v2``."""

    fields = SUBMISSION_FIELDS

    def content(self, parts: FormParts, rules: FormRules, faults: Faults) -> Content:
        return validated(parts, rules, faults)


_SUBMISSION: Final = SubmissionForm()


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReader:
    """Read submissions within the limits of the settings and the upload budget of the process."""

    gateway_settings: GatewaySettings
    upload_budget: ByteBudget
    stored_pictures: StoredPictures
    webhook_allow: Collection[str]
    clock: Callable[[], datetime]

    @asynccontextmanager
    async def read(
        self, request: web.Request, developer: str, user: str, faults: Faults | None = None, form: Form = _SUBMISSION
    ) -> AsyncIterator[Content]:
        """Yield the validated content of a developer's user; its images can be read within the block.

        `faults` are those of the headers, which come first. Raises ExemplarError or FieldError in the order above,
        ConnectionError when the client disconnected.
        Images and budget are released at the end of the block, or at once when reading fails.
        """
        settings, faults = self.gateway_settings, faults or Faults()
        with (
            closing(ByteLease(self.upload_budget, developer, user=user)) as lease,
            closing(FormParts(lease, settings.upload_memory, form.fields)) as parts,
        ):
            try:
                await self._read(request, parts)
                if largest := await self.stored_pictures.find(parts.images, developer, user):
                    await lease.use(largest)  # pictures are copied one at a time
            except ExemplarError as error:
                faults.add(error)
                faults.refuse()
            yield form.content(parts, FormRules(settings.ceilings, self.webhook_allow, self.clock()), faults)

    async def _read(self, request: web.Request, parts: FormParts) -> None:
        """Read the parts of the body."""
        body = Body(request, self.gateway_settings)
        boundary = parse_boundary(request.headers.get("Content-Type", ""))
        if (request.content_length or 0) > MAX_BODY:
            raise ExemplarError(ErrorCode.IMAGE_TOO_LARGE, loc=("body", "example_images"))
        async with aclosing(read_multipart(body.read, boundary)) as events:
            async for event in events:
                if body.received > MAX_BODY:
                    raise ExemplarError(ErrorCode.BODY_TOO_LARGE)
                await parts.take(event)
                crash_point("gateway", "mid_upload")
