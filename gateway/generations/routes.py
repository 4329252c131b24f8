"""`GET .../{id}` and `GET .../{id}/status`: read one generation."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from domain.paths import GENERATION
from gateway.generations.access import GenerationAccess
from gateway.generations.resources import GenerationResources, etag_of
from gateway.http.conditional import unchanged


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRoutes:
    """Read one generation of the caller."""

    generation_access: GenerationAccess
    resources: GenerationResources
    clock: Callable[[], datetime]

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.get(GENERATION, self.read), web.get(f"{GENERATION}/status", self.read)]

    async def read(self, request: web.Request) -> web.Response:
        """Answer the resource, or 304 when the client has this version."""
        generation = await self.generation_access.own(request)
        etag = etag_of(generation, self.clock())
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if unchanged(request, etag):
            return web.Response(status=304, headers=headers)
        return web.json_response(await self.resources.write(request, generation), headers=headers)
