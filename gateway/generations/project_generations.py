"""`/api/v1/projects/{id}/generations`: developers read what the end users of their project made."""

from dataclasses import dataclass

from aiohttp import web

from domain.errors import invalid_field
from domain.generation.list_query import LIST_PARAMETERS
from domain.generation.listing import Scope
from domain.paths import PROJECT_GENERATIONS
from gateway.auth.authentication import Authenticator
from gateway.generations import answers
from gateway.generations.access import GenerationAccess, path_generation_id
from gateway.generations.list_pages import ListPages
from gateway.generations.resources import GenerationResources, json_body
from gateway.http.parsing import as_id
from gateway.openapi.operation import get


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectGenerationRoutes:
    """Read generations of a project for its developer."""

    authenticator: Authenticator
    generation_access: GenerationAccess
    list_pages: ListPages
    resources: GenerationResources

    @get(PROJECT_GENERATIONS, "developer", query=(*LIST_PARAMETERS, "user_id"), answer=answers.ProjectGenerations)
    async def list_all(self, request: web.Request) -> web.Response:
        """List the generations of a project, or of one of its users, newest first."""
        _, project = await self.authenticator.authenticate_project_owner(request)
        user = _user(request)
        return await self.list_pages.answer(request, Scope(project.id, user), user=user, view="developer")

    @get(f"{PROJECT_GENERATIONS}/{{generation_id}}", "developer", answer=answers.ProjectGeneration)
    async def read(self, request: web.Request) -> web.Response:
        """Read a generation of a project; ids of other projects are unknown."""
        _, project = await self.authenticator.authenticate_project_owner(request)
        generation = await self.generation_access.existing(path_generation_id(request), project=project.id)
        [encoded] = await self.resources.encoded(request, [generation], "developer")
        return json_body(encoded)


def _user(request: web.Request) -> str | None:
    """Read `user_id`, one UUID; None when it was not sent."""
    given = request.query.getall("user_id", [])
    if not given:
        return None
    user = as_id(given[0]) if len(given) == 1 else None
    if user is None:
        raise invalid_field("query", "user_id", "must be one UUID")
    return user
