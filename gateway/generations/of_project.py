"""`/api/v1/projects/{id}/generations`: a developer reads what the end users of his project made."""

import asyncio
from dataclasses import dataclass

from aiohttp import web
from pydantic import BaseModel, Field

from domain.errors import ErrorCode, ExemplarError
from domain.generation import Generation
from gateway.accounts.authentication import as_id
from gateway.accounts.identity import IdentityRoutes, parse
from gateway.accounts.projects import own_project
from gateway.generations.routes import GenerationRoutes


class GenerationsRequest(BaseModel):
    """The query of the list."""

    page: int = Field(1, ge=1, le=100_000)
    per_page: int = Field(20, ge=1, le=100)
    user_id: str | None = Field(None, max_length=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectGenerationRoutes:
    """What the routes need; `table` lists them."""

    door: IdentityRoutes
    generations: GenerationRoutes

    def table(self) -> list[web.RouteDef]:
        """List the routes."""
        base = "/api/v1/projects/{project_id}/generations"
        return [web.get(base, self.list_all), web.get(base + "/{generation_id}", self.read)]

    async def list_all(self, request: web.Request) -> web.Response:
        """Answer one page of the project's generations, or of one user's in it, newest first."""
        _, project = await own_project(self.door, request)
        asked = parse(GenerationsRequest, dict(request.query), "query")
        user = None if asked.user_id is None else as_id(asked.user_id) or ""
        page = await self.generations.projection.page_of_project(
            project=project.id, user=user, page=asked.page, per_page=asked.per_page
        )
        found = await asyncio.gather(*(self.generations.generations.load(row.id) for row in page.rows))
        listed = [await self._body(request, one) for one in found if one is not None and not one.gone]
        body = {"generations": listed, "total": page.total, "page": asked.page, "per_page": asked.per_page}
        return web.json_response(body)

    async def read(self, request: web.Request) -> web.Response:
        """Answer one generation of the project; one of another is as unknown as none."""
        _, project = await own_project(self.door, request)
        generation = await self.generations.generations.load(request.match_info["generation_id"].lower())
        if generation is None or generation.request.owner.project != project.id:
            raise ExemplarError(ErrorCode.NOT_FOUND, "Generation not found")
        if generation.gone:
            raise ExemplarError(ErrorCode.GONE, "Generation was deleted")
        return web.json_response(await self._body(request, generation))

    async def _body(self, request: web.Request, generation: Generation) -> dict[str, object]:
        resource = await self.generations.resource(request, generation)
        return {**resource, "user_id": generation.request.owner.user}
