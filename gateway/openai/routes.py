"""`POST /v1/images/edits`: a submission in the form of OpenAI's API, answered with its picture."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError
from domain.generation.generation import Generation
from domain.paths import IMAGE_EDITS
from gateway.events.connections import Connections
from gateway.generations.links import Links
from gateway.generations.picture_sender import PictureSender, gone
from gateway.http.bodies import expect_handler
from gateway.http.error_log import CODE
from gateway.http.error_mapping import map_error
from gateway.http.errors import error_response
from gateway.http.openai_errors import in_openai_form
from gateway.http.request_ids import request_id_of
from gateway.openai.answers import edited_images, failed_error
from gateway.openai.client_timeout import wait_of
from gateway.openai.edit_stream import EditStream
from gateway.openai.form import EditForm, EditOptions
from gateway.openai.operations import submits_edit
from gateway.submissions.completion_wait import CompletionWait
from gateway.submissions.credentials import still_admitted
from gateway.submissions.routes import SubmissionRoutes
from gateway.submissions.submission import Submission
from store.errors import DamagedCommitError, StoreError
from store.generations.blobs import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRoutes:
    """Accept submissions of clients of OpenAI's API: the same decisions, quota, log and Idempotency-Key."""

    submission_routes: SubmissionRoutes
    completion_wait: CompletionWait
    connections: Connections
    edit_stream: EditStream
    picture_sender: PictureSender
    blobs: BlobStore
    links: Links
    clock: Callable[[], datetime]

    @submits_edit(IMAGE_EDITS, expect_handler=expect_handler)
    async def edit(self, request: web.Request) -> web.StreamResponse:
        """Edit images as OpenAI's API does, and answer the picture.

        A place to wait is taken before anything is recorded: whoever finds none has nothing to pay.
        """
        identity = await self.submission_routes.admit(request)
        form = EditForm()
        with self.connections.slot(identity.user_id, identity.developer_id, request):
            submission, recorded = await self.submission_routes.submit(request, identity, form)
            if recorded is None:
                return _refused(request, ExemplarError(ErrorCode.STORE_UNAVAILABLE), submission)
            if form.options.stream:
                return await self.edit_stream.send(request, submission, form.options)
            try:
                generation = await self.completion_wait.finished(submission.generation_id, wait_of(request.headers))
                return await self._answer(request, submission, generation, form.options)
            except (ExemplarError, StoreError, DamagedCommitError) as error:
                return _refused(request, map_error(error).error, submission)

    async def _answer(
        self, request: web.Request, submission: Submission, generation: Generation | None, options: EditOptions
    ) -> web.Response:
        """Answer a finished generation, unless it was deleted or the credentials were revoked meanwhile."""
        if generation is None:
            raise ExemplarError(ErrorCode.UNFINISHED)
        if not await still_admitted(self.submission_routes.authenticator, request):
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
        if generation.gone:
            raise ExemplarError(ErrorCode.GONE, "Generation was deleted")
        if generation.failure is not None:
            status, error = failed_error(generation, generation.failure)
            again = generation.failure.retryable and submission.idempotency_key is None
            request[CODE] = generation.failure.code
            return web.json_response({"error": error}, status=status, headers=_retry(again=again))
        return await self._send(request, generation, options)

    async def _send(self, request: web.Request, generation: Generation, options: EditOptions) -> web.Response:
        """Send the picture within the budget of outgoing bytes: a refusal must still say not to send again."""
        [picture, *_] = generation.pictures
        with closing(self.picture_sender.lease(request)) as lease:
            data = None
            if options.response_format != "url":
                await lease.use(2 * picture.size)
                blob = await self.blobs.get(generation.id, picture.digest)
                if blob is None:
                    raise gone()
                data = blob.data
            url = self.links.picture(self.links.base(request), generation.id, "images", 0, self.clock())
            body = edited_images(generation, picture, data, url, options.response_format)
            response = web.json_response(body, headers={"Cache-Control": "no-store"})
            await response.prepare(request)
            await response.write_eof()
            return response


def _refused(request: web.Request, error: ExemplarError, submission: Submission) -> web.Response:
    """Name the generation that may go on; a client repeats the request only where that makes no second one."""
    request[CODE] = error.code.value
    members = {"id": submission.generation_id}
    response = error_response(error, request_id=request_id_of(request), members=members)
    response.headers.update(_retry(again=submission.idempotency_key is not None))
    return in_openai_form(response)


def _retry(*, again: bool) -> dict[str, str]:
    """Tell OpenAI's clients whether to send the request again by themselves."""
    return {"X-Should-Retry": "true" if again else "false"}
