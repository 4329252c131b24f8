"""`/api/v1/projects/{id}/generations`: a developer reads what the end users of his project made."""

from dataclasses import dataclass

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.generation.generation import Generation
from domain.generation.listing import Scope
from gateway.accounts.identity import IdentityRoutes
from gateway.accounts.projects import own_project
from gateway.auth.headers import as_id
from gateway.generations.lists import ListRoutes
from gateway.generations.routes import GenerationRoutes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectGenerationRoutes:
    """What the routes need; `table` lists them."""

    door: IdentityRoutes
    generations: GenerationRoutes
    listing: ListRoutes

    def table(self) -> list[web.RouteDef]:
        """List the routes."""
        base = "/api/v1/projects/{project_id}/generations"
        return [web.get(base, self.list_all), web.get(base + "/{generation_id}", self.read)]

    async def list_all(self, request: web.Request) -> web.Response:
        """Answer the project's generations, or those of one user in it, newest first."""
        _, project = await own_project(self.door, request)
        user = _user(request)
        return await self.listing.answer(request, Scope(project.id, user), user=user, write=self._body)

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


def _user(request: web.Request) -> str | None:
    """Read whose generations are asked for; a user of another project has none in this one."""
    given = request.query.getall("user_id", [])
    if not given:
        return None
    user = as_id(given[0]) if len(given) == 1 else None
    if user is None:
        raise FieldError(ErrorCode.INVALID_REQUEST, ("query", "user_id"), "must be one UUID", "value_error")
    return user
