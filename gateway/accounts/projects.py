"""`/api/v1/projects/*`: a developer's projects, and their end users and statistics."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from domain.accounts.access import DeveloperIdentity
from domain.accounts.passwords import Passwords
from domain.errors import ErrorCode, ExemplarError
from domain.paths import PROJECT, PROJECT_USER, PROJECTS
from gateway.accounts import answers
from gateway.accounts.bodies import count_body, project_body, reset_response, user_body
from gateway.accounts.requests import (
    PASSWORD_RESET,
    ProjectCreateRequest,
    ProjectUpdateRequest,
    UsersRequest,
    read_new_password,
)
from gateway.auth.authentication import Authenticator
from gateway.http.client_address import ClientAddresses
from gateway.http.parsing import as_id, path_id, read_model, read_query
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import delete, get, post, put
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.records import ProjectRecord, UserRecord

_WITH_SLASH = (f"{PROJECTS}/",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRoutes:
    accounts: Accounts
    account_changes: AccountChanges
    authenticator: Authenticator

    @get(PROJECTS, "developer", answer=Sequence[answers.Project], aliases=_WITH_SLASH)
    async def list_projects(self, request: web.Request) -> web.Response:
        """List your projects."""
        developer = await self.authenticator.authenticate_developer(request)
        projects = await self.accounts.projects(developer.developer_id)
        return web.json_response([project_body(project) for project in projects])

    @post(
        PROJECTS,
        "developer",
        201,
        body=ProjectCreateRequest,
        answer=answers.Created,
        aliases=_WITH_SLASH,
        codes=(ErrorCode.PROJECT_LIMIT,),
    )
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

    @get(PROJECT, "developer", answer=answers.Project)
    async def read(self, request: web.Request) -> web.Response:
        """Read a project."""
        _, project = await self.authenticator.authenticate_project_owner(request)
        return web.json_response(project_body(project))

    @put(PROJECT, "developer", body=ProjectUpdateRequest, answer=answers.Project)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectUserRoutes:
    accounts: Accounts
    account_changes: AccountChanges
    authenticator: Authenticator
    passwords: Passwords
    client_addresses: ClientAddresses

    @get(f"{PROJECTS}/stats", "developer", query=UsersRequest, answer=answers.AllStatistics)
    async def all_stats(self, request: web.Request) -> web.Response:
        """Count projects, users and keys."""
        developer = await self.authenticator.authenticate_developer(request)
        query = read_query(request, UsersRequest)
        chosen = await self._chosen(developer, query)
        projects = await self.accounts.count_projects(developer.developer_id)
        counts = await self._counts(developer, list(chosen), query)
        body: answers.AllStatistics = {"projects": count_body(projects), **counts}
        return web.json_response(body)

    @get(f"{PROJECT}/stats", "developer", query=UsersRequest, answer=answers.ProjectStatistics)
    async def stats(self, request: web.Request) -> web.Response:
        """Count users and keys."""
        developer, project = await self.authenticator.authenticate_project_owner(request)
        query = read_query(request, UsersRequest)
        return web.json_response(await self._counts(developer, [project.id], query))

    @get(f"{PROJECTS}/users", "developer", query=UsersRequest, answer=answers.AllUsers)
    async def all_users(self, request: web.Request) -> web.Response:
        """List the users of all projects."""
        developer = await self.authenticator.authenticate_developer(request)
        query = read_query(request, UsersRequest)
        chosen = await self._chosen(developer, query)
        users, total = await self.accounts.users(developer.developer_id, list(chosen), query.query)
        listed: list[answers.NamedProjectUser] = [
            {**user_body(user), "project_id": user.project_id, "project_name": chosen[user.project_id].name}
            for user in users
        ]
        body: answers.AllUsers = {"users": listed, **query.of(total)}
        return web.json_response(body)

    @get(f"{PROJECT}/users", "developer", query=UsersRequest, answer=answers.Users)
    async def users(self, request: web.Request) -> web.Response:
        """List the project's users."""
        developer, project = await self.authenticator.authenticate_project_owner(request)
        query = read_query(request, UsersRequest)
        users, total = await self.accounts.users(developer.developer_id, [project.id], query.query)
        body: answers.Users = {"users": list(map(user_body, users)), **query.of(total)}
        return web.json_response(body)

    @get(PROJECT_USER, "developer", answer=answers.ProjectUser)
    async def read(self, request: web.Request) -> web.Response:
        """Read a user."""
        _, user = await self._own_user(request)
        body: answers.ProjectUser = {**user_body(user), "project_id": user.project_id}
        return web.json_response(body)

    @delete(PROJECT_USER, "developer", 204)
    async def delete(self, request: web.Request) -> web.Response:
        """Delete a user and all their data, also in a deleted project."""
        developer = await self.authenticator.authenticate_developer(request)
        project, user = path_id(request, "project_id"), path_id(request, "user_id")
        cause = cause_of(request, developer.actor)
        await self.account_changes.delete_user(developer.developer_id, project, user, cause=cause)
        return web.Response(status=204)

    @put(f"{PROJECT_USER}/password", "developer", **PASSWORD_RESET)
    async def reset_password(self, request: web.Request) -> web.Response:
        """Reset a user's password."""
        developer, user = await self._own_user(request)
        client = self.client_addresses.of(request)
        new, generated = await read_new_password(request, self.passwords, client)
        cause = cause_of(request, developer.actor)
        await self.account_changes.set_user_password(user.developer_id, user.project_id, user.id, new, cause=cause)
        return reset_response(generated)

    async def _own_user(self, request: web.Request) -> tuple[DeveloperIdentity, UserRecord]:
        developer, project = await self.authenticator.authenticate_project_owner(request)
        user = await self.accounts.user(project.id, path_id(request, "user_id"))
        if user is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return developer, user

    async def _chosen(self, developer: DeveloperIdentity, query: UsersRequest) -> dict[str, ProjectRecord]:
        """Return the developer's projects by id; only the one that the query names, if it names one."""
        projects = await self.accounts.projects(developer.developer_id)
        wanted = None if query.project_id is None else as_id(query.project_id)
        return {project.id: project for project in projects if query.project_id is None or project.id == wanted}

    async def _counts(
        self, developer: DeveloperIdentity, project_ids: list[str], query: UsersRequest
    ) -> answers.ProjectStatistics:
        users = await self.accounts.count_users(developer.developer_id, project_ids, query.query)
        keys = await self.accounts.keys.count(developer.developer_id, project_ids)
        return {"users": count_body(users), "api_keys": count_body(keys)}
