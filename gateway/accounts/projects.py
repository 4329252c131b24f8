"""`/api/v1/projects/*`: a developer's projects."""

from dataclasses import dataclass

from aiohttp import web

from domain.paths import PROJECT, PROJECTS
from gateway.accounts.bodies import project_body
from gateway.accounts.requests import ProjectCreateRequest, ProjectUpdateRequest
from gateway.auth.authentication import Authenticator
from gateway.http.parsing import read_model
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import delete, get, post, put
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges

_WITH_SLASH = (f"{PROJECTS}/",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRoutes:
    accounts: Accounts
    account_changes: AccountChanges
    authenticator: Authenticator

    @get(PROJECTS, "developer", answer="Projects", aliases=_WITH_SLASH)
    async def list_projects(self, request: web.Request) -> web.Response:
        """List your projects."""
        developer = await self.authenticator.authenticate_developer(request)
        projects = await self.accounts.projects(developer.developer_id)
        return web.json_response([project_body(project) for project in projects])

    @post(PROJECTS, "developer", 201, body=ProjectCreateRequest, answer="Created", aliases=_WITH_SLASH)
    async def create(self, request: web.Request) -> web.Response:
        """Create a project."""
        developer = await self.authenticator.authenticate_developer(request)
        body = await read_model(request, ProjectCreateRequest)
        project = await self.account_changes.create_project(
            developer.developer_id,
            name=body.name,
            description=body.description,
            limit=developer.tier.projects,
            cause=cause_of(request, developer.actor),
        )
        return web.json_response({"id": project.id}, status=201)

    @get(PROJECT, "developer", answer="Project")
    async def read(self, request: web.Request) -> web.Response:
        """Read a project."""
        _, project = await self.authenticator.authenticate_project_owner(request)
        return web.json_response(project_body(project))

    @put(PROJECT, "developer", body=ProjectUpdateRequest, answer="Project")
    async def update(self, request: web.Request) -> web.Response:
        """Change name or description."""
        developer, project = await self.authenticator.authenticate_project_owner(request)
        body = await read_model(request, ProjectUpdateRequest)
        changed = await self.account_changes.update_project(
            developer.developer_id, project.id, body.changes(), cause=cause_of(request, developer.actor)
        )
        return web.json_response(project_body(changed))

    @delete(PROJECT, "developer", 204)
    async def delete(self, request: web.Request) -> web.Response:
        """Delete a project.

        Its users, keys, generations and pictures cannot be reached any more.
        """
        developer, project = await self.authenticator.authenticate_project_owner(request)
        cause = cause_of(request, developer.actor)
        await self.account_changes.delete_project(developer.developer_id, project.id, cause=cause)
        return web.Response(status=204)
