"""`GET .../{id}`, `.../{id}/status` and the lists: own generations, and the project's public ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from domain.generation.list_query import LIST_PARAMETERS
from domain.generation.listing import Scope
from domain.generation.poll_hint import poll_hint
from domain.paths import GENERATION, GENERATIONS, PUBLIC_GENERATIONS
from gateway.auth.authentication import Authenticator
from gateway.events.status_wait import StatusWait
from gateway.generations import answers
from gateway.generations.access import GenerationAccess
from gateway.generations.list_pages import ListPages
from gateway.generations.queue_info import QueueInfo
from gateway.generations.resources import GenerationResources, etag_of, json_body, with_member
from gateway.http.conditional import UNCHANGED, unchanged
from gateway.openapi.operation import get

_PUBLIC_LIST = tuple(name for name in LIST_PARAMETERS if name != "request_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRoutes:
    """Read generations for end users."""

    authenticator: Authenticator
    generation_access: GenerationAccess
    list_pages: ListPages
    resources: GenerationResources
    status_wait: StatusWait
    queue_info: QueueInfo
    clock: Callable[[], datetime]

    @get(
        GENERATION,
        "end_user",
        answer=answers.Generation,
        query=("wait",),
        headers=("If-None-Match",),
        also=UNCHANGED,
        aliases=(f"{GENERATION}/status",),
    )
    async def read(self, request: web.Request) -> web.Response:
        """Read a generation.

        With `wait` the answer comes when it has moved on: from the version of If-None-Match, else to its end.
        """
        generation = await self.generation_access.own(request)
        is_known = unchanged(request, etag_of(generation, self.clock()))
        generation = await self.status_wait.newest(request, generation, is_known=is_known)
        now = self.clock()
        etag, hint = etag_of(generation, now), poll_hint(generation, now)
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"} | ({"Retry-After": str(hint)} if hint else {})
        if unchanged(request, etag):
            return web.Response(status=304, headers=headers)
        [encoded] = await self.resources.encoded(request, [generation])
        queue = await self.queue_info.write(generation)
        return json_body(with_member(encoded, "queue", queue), headers)

    @get(GENERATIONS, "end_user", query=LIST_PARAMETERS, answer=answers.Generations)
    async def list_own(self, request: web.Request) -> web.Response:
        """List your generations, newest first."""
        identity = await self.authenticator.authenticate_end_user(request)
        scope = Scope(identity.project_id, identity.user_id)
        return await self.list_pages.answer(request, scope, user=identity.user_id, view="own")

    @get(PUBLIC_GENERATIONS, "end_user", query=_PUBLIC_LIST, answer=answers.PublicGenerations)
    async def list_public(self, request: web.Request) -> web.Response:
        """List the project's public generations in their public view, newest first."""
        identity = await self.authenticator.authenticate_end_user(request)
        scope = Scope(identity.project_id, public=True)
        return await self.list_pages.answer(request, scope, user=identity.user_id, view="public")
