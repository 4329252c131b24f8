"""`POST generate-v2` and `POST .../{id}/retry`: admit a submission, record it, answer 202."""

from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from aiohttp import web
from structlog.contextvars import bind_contextvars

from domain.accounts.access import Identity
from domain.errors import ErrorCode, ExemplarError
from domain.paths import GENERATION, SUBMIT
from gateway.auth.authentication import Authenticator
from gateway.generations.access import GenerationAccess, path_generation_id
from gateway.generations.ids import GenerationIds
from gateway.generations.links import Links
from gateway.http.bodies import expect_handler
from gateway.http.byte_budget import ByteBudget, ByteLease
from gateway.http.error_log import CODE
from gateway.http.errors import error_response
from gateway.http.request_ids import request_id_of
from gateway.openapi.operation import post
from gateway.openapi.schemas import FORM, SEED
from gateway.submissions.completion_wait import CompletionWait
from gateway.submissions.content import Content
from gateway.submissions.credentials import keep_credentials, rechecked
from gateway.submissions.recorder import SubmissionRecorder
from gateway.submissions.retry import KeptContents, read_seed_choice, with_seed
from gateway.submissions.submission import Retry, Submission, idempotency_key, submission_of
from gateway.submissions.uploads.reader import UploadReader
from gateway.webhooks.checks import check_request
from store.crash_points import crash_point
from store.errors import OutcomeUnknownError
from store.quota.admission import Admission
from store.quota.ledger import Bounds

MESSAGE = "Generation request submitted successfully"
_submit = partial(
    post,
    caller="submission",
    status=202,
    answer="GenerationCreated",
    headers=("Idempotency-Key", "Cancel-After", "Prefer"),
    also={200: "Finished within `Prefer: wait`"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRoutes:
    """Accept submissions of end users."""

    authenticator: Authenticator
    admission: Admission
    generation_ids: GenerationIds
    generation_access: GenerationAccess
    upload_reader: UploadReader
    upload_budget: ByteBudget
    kept_contents: KeptContents
    recorder: SubmissionRecorder
    completion_wait: CompletionWait
    links: Links
    webhook_allow: Collection[str]
    clock: Callable[[], datetime]

    @_submit(SUBMIT, body=FORM, expect_handler=expect_handler)
    async def create(self, request: web.Request) -> web.Response:
        """Submit a generation; a replay of its Idempotency-Key gets the same answer.

        With `Prefer: wait=n` the answer is the finished resource, if it is finished in time.
        """
        submission = submission_of(request, await self._admit(request), self.generation_ids)
        identity = submission.identity
        async with self.upload_reader.read(request, identity.developer_id, identity.user_id) as content:
            check_request(content.webhook, content.webhook_events_filter, self.webhook_allow)
            answer = await self._record(request, submission, content)
        return await self.completion_wait.answer(request, submission, answer)

    @_submit(f"{GENERATION}/retry", body=SEED, optional_body=True)
    async def retry(self, request: web.Request) -> web.Response:
        """Repeat a finished generation.

        A known Idempotency-Key is answered even if the original is gone by now. The original's webhook is
        checked like a new one, because the allowed addresses may have changed.
        """
        identity = await self._admit(request)
        retry = Retry(path_generation_id(request), await read_seed_choice(request))
        submission = submission_of(request, identity, self.generation_ids, retry)
        if await self.recorder.is_replay(submission):
            answer = self._accepted(request, submission, replayed=True)
        else:
            answer = await self._retry(request, submission, retry)
        return await self.completion_wait.answer(request, submission, answer)

    async def _retry(self, request: web.Request, submission: Submission, retry: Retry) -> web.Response:
        identity = submission.identity
        original = await self.generation_access.existing(retry.of, identity)
        if not original.final:
            raise ExemplarError(ErrorCode.CONFLICT, "Only a finished generation can be retried")
        content = await self.kept_contents.read(original)
        check_request(content.webhook, content.webhook_events_filter, self.webhook_allow)
        submission = replace(submission, retry=with_seed(retry, original))
        with closing(ByteLease(self.upload_budget, identity.developer_id, user=identity.user_id)) as lease:
            # Pictures are copied one at a time: at most the largest is in memory.
            await lease.use(max(image.size for image in content.images))
            return await self._record(request, submission, content)

    async def _admit(self, request: web.Request) -> Identity:
        """Authenticate and look at the quota, which refuses no request with a key: it may be a replay."""
        identity = await self.authenticator.authenticate_submission(request)
        keep_credentials(request, self.authenticator, self.clock())
        if idempotency_key(request) is None:
            tier = identity.tier
            bounds = Bounds(monthly=tier.monthly, concurrent=tier.concurrent)
            await self.admission.require_free_slot(identity.developer_id, bounds)
        return identity

    async def _record(self, request: web.Request, submission: Submission, content: Content) -> web.Response:
        """Check the credentials again after the upload, record, and answer."""
        identity = await rechecked(self.authenticator, request, self.clock())
        submission = replace(submission, identity=identity)
        bind_contextvars(generation_id=submission.generation_id)
        try:
            replayed = await self.recorder.record(submission, content)
        except OutcomeUnknownError:
            return _outcome_unknown(request, submission.generation_id)
        crash_point("gateway", "before_reply")
        return self._accepted(request, submission, replayed=replayed)

    def _accepted(self, request: web.Request, submission: Submission, *, replayed: bool) -> web.Response:
        """Answer 202 with the links of the generation."""
        urls = self.links.urls(self.links.base(request), submission.generation_id)
        headers = {"Location": urls["status"]} | ({"Idempotency-Replayed": "true"} if replayed else {})
        body = {"id": submission.generation_id, "status": "pending", "message": MESSAGE, "urls": urls}
        return web.json_response(body, status=202, headers=headers)


def _outcome_unknown(request: web.Request, generation_id: str) -> web.Response:
    """Answer 503 with the id, under which the client finds the generation if it was recorded."""
    request[CODE] = ErrorCode.STORE_UNAVAILABLE.value
    return error_response(
        ExemplarError(ErrorCode.STORE_UNAVAILABLE),
        request_id=request_id_of(request),
        accept=request.headers.get("Accept", ""),
        members={"id": generation_id},
    )
