"""The routes of a generation: create and read, and what other routes need of them."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from aiohttp import web
from structlog.contextvars import bind_contextvars

from domain.accounts.access import Claims, Identity, PresentedCredentials
from domain.errors import ErrorCode, ExemplarError
from domain.generation.generation import Generation
from gateway.auth.authentication import Authenticator
from gateway.auth.rate_limits import OVERDRAWN
from gateway.events.positions import preferred_wait
from gateway.generations.completion_wait import CompletionWait
from gateway.generations.links import PREFIX, Links
from gateway.generations.resources import etag_of, resource_of
from gateway.http.bodies import expect_handler
from gateway.http.conditional import unchanged
from gateway.http.error_log import CODE
from gateway.http.errors import error_response
from gateway.http.request_ids import request_id_of
from gateway.settings import GatewaySettings
from gateway.submissions.content import Content, Retry
from gateway.submissions.recording import SubmissionRecorder
from gateway.submissions.request_options import cancel_after, idempotency_key
from gateway.submissions.submission import Request
from gateway.submissions.upload import read_submission
from gateway.submissions.upload_budget import UploadBudget
from gateway.webhooks.checks import check_request
from store.errors import OutcomeUnknownError, StoreError
from store.generations.blobs import BlobStore
from store.generations.generations import Generations
from store.generations.personal_data import PersonalDataStore
from store.quota.admission import Admission

MESSAGE = "Generation request submitted successfully"
_A_MOMENT = timedelta(seconds=1)  # so long after the first look nobody is looked at again
_KEPT = ("Location", "Idempotency-Replayed", "Preference-Applied")


class Admitted(NamedTuple):
    """With what somebody was admitted, and when."""

    claims: Claims
    presented: PresentedCredentials
    since: datetime


_ADMITTED: Final = web.RequestKey("admitted", Admitted)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRoutes:
    """What the routes need; `table` lists them."""

    authenticator: Authenticator
    submitting: SubmissionRecorder
    admission: Admission
    generations: Generations
    finishing: CompletionWait
    personal_data: PersonalDataStore
    blobs: BlobStore
    links: Links
    settings: GatewaySettings
    budget: UploadBudget
    webhook_allow: Collection[str]
    clock: Callable[[], datetime]

    def table(self) -> list[web.RouteDef]:
        """List the routes."""
        one = PREFIX + "/{generation_id}"
        return [
            web.post("/api/v1/generation/generate-v2", self.create, expect_handler=expect_handler),
            web.get(one, self.read),
            web.get(one + "/status", self.read),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Record a submission and answer 202; a replay of its Idempotency-Key answers the same.

        With `Prefer: wait=n` the answer is the finished resource, if it is finished in time.
        """
        asked = self.asked(request, await self.admit(request))
        with await read_submission(request, settings=self.settings, budget=self.budget) as submission:
            check_request(submission.webhook, submission.webhook_events_filter, self.webhook_allow)
            answer = await self.submit(request, asked, submission)
        return await self.waited(request, asked, answer)

    async def read(self, request: web.Request) -> web.Response:
        """Answer the resource, or 304 when the client has this version."""
        generation = await self.own(request)
        etag = etag_of(generation, self.clock())
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if unchanged(request, etag):
            return web.Response(status=304, headers=headers)
        return web.json_response(await self.resource(request, generation), headers=headers)

    async def own(self, request: web.Request) -> Generation:
        """Load the generation of the path if it is the caller's; foreign and unknown ids are both 404."""
        identity = await self.authenticator.reader(request)
        return await self.existing(request.match_info["generation_id"].lower(), identity)

    async def existing(self, generation_id: str, owner: Identity | None = None) -> Generation:
        """Load a generation that was not deleted, of one owner or whosever it is."""
        generation = await self.generations.load(generation_id)
        if generation is None or not (owner is None or _is_own(generation, owner)):
            raise ExemplarError(ErrorCode.NOT_FOUND, "Generation not found")
        if generation.gone:
            raise ExemplarError(ErrorCode.GONE, "Generation was deleted")
        return generation

    async def resource(self, request: web.Request, generation: Generation) -> dict[str, Any]:
        """Write a generation with its words and the hashes of its pictures."""
        personal_data, hashes = await asyncio.gather(
            self.personal_data.get(generation.id, generation.request.personal_data), self._hashes(generation)
        )
        return resource_of(
            generation,
            personal_data,
            hashes,
            links=self.links,
            base=self.links.base(request),
            now=self.clock(),
        )

    async def _hashes(self, generation: Generation) -> dict[str, str]:
        return await self.blobs.hashes(generation.id) if generation.pictures else {}

    async def admit(self, request: web.Request) -> Identity:
        """Authenticate and look at the limits; a known key is never refused for them."""
        identity = await self.authenticator.submitter(request)
        request[_ADMITTED] = Admitted(*self.authenticator.presented(request), self.clock())
        if idempotency_key(request) is None:
            bounds = Request(identity, "", None, "").bounds
            await self.admission.require_room(identity.developer_id, bounds)
        return identity

    def asked(self, request: web.Request, identity: Identity, retry: Retry | None = None) -> Request:
        """Read from the header what is submitted, and under which id."""
        key = idempotency_key(request)
        return Request(
            identity,
            self.submitting.id_for(identity, key),
            key,
            request_id_of(request),
            traceparent=request.headers.get("traceparent"),
            overdrawn=request.get(OVERDRAWN),
            cancel_after=cancel_after(request),
            retry=retry,
        )

    async def submit(self, request: web.Request, asked: Request, content: Content) -> web.Response:
        """Record what was asked for and say so, or that nobody can tell whether it was recorded.

        Whoever took his time is judged once more, with what he came with: much is revoked in minutes.
        """
        claims, presented, since = request[_ADMITTED]
        if self.clock() - since > _A_MOMENT:
            asked = replace(asked, identity=await self.authenticator.confirm(claims, presented))
        bind_contextvars(generation_id=asked.generation_id)
        try:
            replayed = await self.submitting.submit(asked, content)
        except OutcomeUnknownError:
            return _unknown(request, asked.generation_id)
        return self.accepted(request, asked, replayed=replayed)

    def accepted(self, request: web.Request, asked: Request, *, replayed: bool) -> web.Response:
        """Answer 202 with where to look."""
        urls = self.links.urls(self.links.base(request), asked.generation_id)
        headers = {"Location": urls["status"]} | ({"Idempotency-Replayed": "true"} if replayed else {})
        body = {"id": asked.generation_id, "status": "pending", "message": MESSAGE, "urls": urls}
        return web.json_response(body, status=202, headers=headers)

    async def waited(self, request: web.Request, asked: Request, answer: web.Response) -> web.Response:
        """Answer the finished resource instead of 202, if that is preferred and it is finished in time.

        Whoever may read no more after the wait keeps his 202: what he asked for is recorded all the same.
        """
        seconds = preferred_wait(request)
        if seconds is None or answer.status != 202:
            return answer
        holder = asked.identity.user_id
        waited = await self.finishing.wait(
            asked.generation_id, holder=holder, seconds=seconds, request=request
        )
        if waited is None:
            return answer
        answer.headers["Preference-Applied"] = f"wait={seconds}"
        finished = waited.finished
        if finished is None or finished.gone or not await self._stands(request):
            return answer
        headers = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        return web.json_response(await self.resource(request, finished), headers=headers)

    async def _stands(self, request: web.Request) -> bool:
        """Tell whether what somebody was admitted with is still good: much is revoked in a minute."""
        try:
            await self.authenticator.confirm(*request[_ADMITTED][:2])
        except (ExemplarError, StoreError):
            return False
        return True


def _is_own(generation: Generation, identity: Identity) -> bool:
    owner = generation.request.owner
    return (owner.project, owner.user) == (identity.project_id, identity.user_id)


def _unknown(request: web.Request, generation_id: str) -> web.Response:
    """Say that it may have been recorded: the id tells, once the store answers again."""
    request[CODE] = ErrorCode.STORE_UNAVAILABLE.value
    return error_response(
        ExemplarError(ErrorCode.STORE_UNAVAILABLE),
        request_id=request_id_of(request),
        accept=request.headers.get("Accept", ""),
        members={"id": generation_id},
    )
