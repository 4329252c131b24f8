"""`POST generate-v2` and `POST .../{id}/retry`: admit a submission, record it, answer 202."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from aiohttp import web
from structlog.contextvars import bind_contextvars

from domain.accounts.access import Identity
from domain.errors import ErrorCode, ExemplarError
from domain.faults import Faults
from domain.paths import GENERATION, SUBMIT
from domain.submission.warnings import RequestWarning, WarningCode
from events.envelope import format_time
from gateway.auth.authentication import Authenticator
from gateway.events.event_requests import prefers_queue
from gateway.generations.access import GenerationAccess, path_generation_id
from gateway.generations.answers import Generation
from gateway.generations.ids import GenerationIds
from gateway.generations.links import Links
from gateway.generations.warnings import written_warnings
from gateway.http.bodies import expect_handler
from gateway.http.byte_budget import ByteBudget, ByteLease
from gateway.http.error_log import CODE
from gateway.http.errors import error_response
from gateway.http.request_ids import request_id_of
from gateway.openapi.operation import post
from gateway.openapi.submission_form import FORM, SEED
from gateway.submissions.answers import DryRunAnswer, GenerationCreated
from gateway.submissions.completion_wait import CompletionWait
from gateway.submissions.content import Content
from gateway.submissions.credentials import note_admission, rechecked
from gateway.submissions.dry_run import DryRun, SubmitRequest, is_dry_run
from gateway.submissions.gate import SubmissionGate
from gateway.submissions.recorder import Recorded, SubmissionRecorder
from gateway.submissions.retry import KeptContents, read_seed_choice, with_seed
from gateway.submissions.submission import Retry, Submission, submission_of
from gateway.submissions.uploads.reader import Form, UploadReader
from gateway.webhooks.checks import check_request
from store.crash_points import crash_point
from store.errors import OutcomeUnknownError
from store.quota.admission import Admission
from store.quota.ledger import Bounds
from store.webhooks.endpoints import WebhookEndpoints

MESSAGE = "Generation request submitted successfully"
_submit = partial(
    post,
    caller="submission",
    status=202,
    answer=GenerationCreated,
    headers=("Idempotency-Key", "Cancel-After", "X-Start-Timeout", "Prefer"),
    also={200: "Finished within `Prefer: wait`, or a dry run"},
    also_answers={200: Generation | DryRunAnswer},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRoutes:
    """Accept submissions of end users."""

    authenticator: Authenticator
    admission: Admission
    submission_gate: SubmissionGate
    generation_ids: GenerationIds
    generation_access: GenerationAccess
    upload_reader: UploadReader
    upload_budget: ByteBudget
    kept_contents: KeptContents
    recorder: SubmissionRecorder
    dry_run: DryRun
    completion_wait: CompletionWait
    endpoints: WebhookEndpoints
    links: Links
    provider_paused: Callable[[], Awaitable[datetime | None]]
    webhook_allow: Collection[str]
    clock: Callable[[], datetime]

    @_submit(SUBMIT, body=FORM, query=SubmitRequest, expect_handler=expect_handler)
    async def create(self, request: web.Request) -> web.Response:
        """Submit a generation; a replay of its Idempotency-Key gets the same answer.

        With `Prefer: wait=n` the answer is the finished resource, if it is finished in time. With `dry_run` it is
        what would be recorded, and nothing is.
        """
        identity, faults = await self.admit(request), Faults()
        dry_run = faults.check(is_dry_run, request)
        submission = await submission_of(request, identity, self.generation_ids, faults)
        async with self.upload_reader.read(request, identity.developer_id, identity.user_id, faults) as content:
            if dry_run:
                submission = await self._rechecked(request, submission)
                return web.json_response(await self.dry_run.answer(submission, await self._warned(submission, content)))
            answer = await self._record(request, submission, content)
        return await self.completion_wait.answer(request, submission, answer, repeats=content.repeats)

    @_submit(f"{GENERATION}/retry", body=SEED, optional_body=True)
    async def retry(self, request: web.Request) -> web.Response:
        """Repeat a finished generation.

        A known Idempotency-Key is answered even if the original is gone by now. The original's webhook is
        checked like a new one, because the allowed addresses may have changed.
        """
        identity, faults = await self.admit(request), Faults()
        retry = Retry(path_generation_id(request), await read_seed_choice(request))
        submission = await submission_of(request, identity, self.generation_ids, faults, retry)
        faults.refuse()
        if (replay := await self.recorder.replay_of(submission)) is not None:
            answer = self._accepted(request, submission, replay)
        else:
            answer = await self._retry(request, submission, retry)
        return await self.completion_wait.answer(request, submission, answer, repeats=True)

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

    async def submit(self, request: web.Request, identity: Identity, form: Form) -> tuple[Submission, Recorded | None]:
        """Record what an admitted request describes in another form; None: it is unknown whether it was recorded."""
        faults = Faults()
        submission = await submission_of(request, identity, self.generation_ids, faults)
        async with self.upload_reader.read(request, identity.developer_id, identity.user_id, faults, form) as content:
            submission = await self._rechecked(request, submission)
            bind_contextvars(generation_id=submission.generation_id)
            try:
                return submission, await self.recorder.record(submission, await self._warned(submission, content))
            except OutcomeUnknownError:
                return submission, None

    async def admit(self, request: web.Request) -> Identity:
        """Authenticate, look at what operators refuse and at the quota: no request with a key, it may be a replay."""
        identity = await self.authenticator.authenticate_submission(request)
        note_admission(request, self.clock())
        self.endpoints.look_up(identity.project_id)  # known by the append, which then announces nothing for webhooks
        if "Idempotency-Key" not in request.headers:
            await self.submission_gate.require_open(identity)
            bounds, queue = Bounds.of(identity.tier), prefers_queue(request)
            await self.admission.require_free_slot(identity.developer_id, bounds, queue=queue)
        return identity

    async def _record(self, request: web.Request, submission: Submission, content: Content) -> web.Response:
        """Check the credentials again after the upload, record, and answer."""
        submission = await self._rechecked(request, submission)
        bind_contextvars(generation_id=submission.generation_id)
        try:
            recorded = await self.recorder.record(submission, await self._warned(submission, content))
        except OutcomeUnknownError:
            return _outcome_unknown(request, submission.generation_id)
        crash_point("gateway", "before_reply")
        return self._accepted(request, submission, recorded, content.unknown_fields)

    async def _rechecked(self, request: web.Request, submission: Submission) -> Submission:
        """Take what the credentials are worth after the upload."""
        return replace(submission, identity=await rechecked(self.authenticator, request, self.clock()))

    async def _warned(self, submission: Submission, content: Content) -> Content:
        """Add the warnings that depend on the moment."""
        codes = [WarningCode.PROVIDER_PAUSED] if await self.provider_paused() is not None else []
        if await self.submission_gate.holds(submission.identity):
            codes.append(WarningCode.HELD)
        return replace(content, warnings=(*content.warnings, *map(RequestWarning, codes))) if codes else content

    def _accepted(
        self, request: web.Request, submission: Submission, recorded: Recorded, unknown_fields: Sequence[str] = ()
    ) -> web.Response:
        """Answer 202 with the links, deadlines and warnings of the generation."""
        urls = self.links.urls(self.links.base(request), submission.generation_id)
        headers = {"Location": urls["status"]} | ({"Idempotency-Replayed": "true"} if recorded.replayed else {})
        headers |= {"Preference-Applied": "queue"} if recorded.request.queued else {}
        body: GenerationCreated = {
            "id": submission.generation_id,
            "status": "pending",
            "message": MESSAGE,
            "start_by": format_time(recorded.request.start_by),
            "deadline": format_time(recorded.request.finish_by),
            "queued": bool(recorded.request.queued),
            "warnings": written_warnings(recorded.request.warnings, unknown_fields),
            "urls": urls,
        }
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
