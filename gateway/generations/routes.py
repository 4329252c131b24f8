"""The routes of a generation: create and read, and what other routes need of them."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from domain.access import Identity
from domain.errors import ErrorCode, ExemplarError
from domain.generation import Generation
from domain.idempotency import parse_key
from gateway.accounts.authentication import Authenticator
from gateway.bodies import expect_handler
from gateway.errors import error_response
from gateway.generations.finishing import Finishing
from gateway.generations.links import PREFIX, Links
from gateway.generations.resources import etag_of, resource_of
from gateway.generations.submitting import Request, Submitting
from gateway.limits import OVERDRAWN
from gateway.request_ids import request_id_of
from gateway.settings import GatewaySettings
from gateway.streams.positions import preferred_wait
from gateway.uploads.budget import UploadBudget
from gateway.uploads.submission import read_submission
from gateway.webhooks.checks import check_request
from store.admission import Admission
from store.blobs import BlobStore
from store.errors import OutcomeUnknownError
from store.generations import Generations
from store.words import WordsStore

MESSAGE = "Generation request submitted successfully"
_KEPT = ("Location", "Idempotency-Replayed", "Preference-Applied")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRoutes:
    """What the routes need; `table` lists them."""

    authenticator: Authenticator
    submitting: Submitting
    admission: Admission
    generations: Generations
    finishing: Finishing
    words: WordsStore
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
        identity = await self._admit(request)
        key = idempotency_key(request)
        generation_id = self.submitting.id_for(identity, key)
        asked = Request(
            identity,
            generation_id,
            key,
            request_id_of(request),
            traceparent=request.headers.get("traceparent"),
            overdrawn=request.get(OVERDRAWN),
        )
        with await read_submission(request, settings=self.settings, budget=self.budget) as submission:
            check_request(submission.webhook, submission.webhook_events_filter, self.webhook_allow)
            try:
                replayed = await self.submitting.submit(asked, submission)
            except OutcomeUnknownError:
                return _unknown(request, generation_id)
        accepted = self._accepted(request, generation_id, replayed=replayed)
        seconds = preferred_wait(request)
        return accepted if seconds is None else await self._waited(request, asked, accepted, seconds)

    async def read(self, request: web.Request) -> web.Response:
        """Answer the resource, or 304 when the client has this version."""
        generation = await self.own(request)
        etag = etag_of(generation, self.clock())
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if etag in request.headers.get("If-None-Match", ""):
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
        words, hashes = await asyncio.gather(
            self.words.get(generation.id, generation.request.words), self._hashes(generation)
        )
        return resource_of(
            generation, words, hashes, links=self.links, base=self.links.base(request), now=self.clock()
        )

    async def _hashes(self, generation: Generation) -> dict[str, str]:
        return await self.blobs.hashes(generation.id) if generation.pictures else {}

    async def _admit(self, request: web.Request) -> Identity:
        """Authenticate and look at the limits; a known key is never refused for them."""
        identity = await self.authenticator.submitter(request)
        if idempotency_key(request) is None:
            bounds = Request(identity, "", None, "").bounds
            await self.admission.look(identity.developer_id, bounds)
        return identity

    def _accepted(self, request: web.Request, generation_id: str, *, replayed: bool) -> web.Response:
        urls = self.links.urls(self.links.base(request), generation_id)
        headers = {"Location": urls["status"]} | ({"Idempotency-Replayed": "true"} if replayed else {})
        body = {"id": generation_id, "status": "pending", "message": MESSAGE, "urls": urls}
        return web.json_response(body, status=202, headers=headers)

    async def _waited(
        self, request: web.Request, asked: Request, accepted: web.Response, seconds: int
    ) -> web.Response:
        accepted.headers["Preference-Applied"] = f"wait={seconds}"
        holder = asked.identity.user_id
        finished = await self.finishing.wait(asked.generation_id, holder=holder, seconds=seconds)
        if finished is None or finished.gone:
            return accepted
        headers = {name: accepted.headers[name] for name in _KEPT if name in accepted.headers}
        return web.json_response(await self.resource(request, finished), headers=headers)


def idempotency_key(request: web.Request) -> str | None:
    """Read the Idempotency-Key, quoted or bare, 1 to 255 visible characters."""
    values = request.headers.getall("Idempotency-Key", [])
    if not values:
        return None
    return parse_key(values[0] if len(values) == 1 else "", ("header", "Idempotency-Key"))


def _is_own(generation: Generation, identity: Identity) -> bool:
    owner = generation.request.owner
    return (owner.project, owner.user) == (identity.project_id, identity.user_id)


def _unknown(request: web.Request, generation_id: str) -> web.Response:
    """Say that it may have been recorded: the id tells, once the store answers again."""
    return error_response(
        ExemplarError(ErrorCode.STORE_UNAVAILABLE),
        request_id=request_id_of(request),
        accept=request.headers.get("Accept", ""),
        members={"id": generation_id},
    )
