"""`/api/v1/projects/*`: a developer's projects, their API keys, users and numbers."""

from dataclasses import asdict
from typing import Annotated, Any

from aiohttp import web
from pydantic import AfterValidator, BaseModel, Field

from domain.accounts.access import DeveloperIdentity
from domain.accounts.names import DESCRIPTION_LONGEST, check_description
from domain.errors import ErrorCode, ExemplarError
from gateway.accounts.identity import (
    IdentityRoutes,
    KeyCreateRequest,
    Name,
    cause_of,
    key_body,
    path_id,
    read_model,
    read_query,
    secret_response,
    time_body,
)
from gateway.auth.headers import as_id
from store.accounts.queries import UserQuery
from store.accounts.records import ProjectRecord, UserRecord

Description = Annotated[str, Field(max_length=DESCRIPTION_LONGEST), AfterValidator(check_description)]


class ProjectCreateRequest(BaseModel):
    name: Name
    description: Description | None = None


class ProjectUpdateRequest(BaseModel):
    name: Name | None = None
    description: Description | None = None

    def changes(self) -> dict[str, str | None]:
        """Return what was sent; a description may be emptied with null, a name may not."""
        sent = self.model_dump(exclude_unset=True)
        return {name: value for name, value in sent.items() if name != "name" or value is not None}


class UsersRequest(BaseModel):
    """The query of user lists and of statistics."""

    page: int = Field(1, ge=1, le=100_000)
    page_size: int = Field(50, ge=1, le=100)
    search: str | None = Field(None, max_length=255, pattern=r"^[^\x00]*$")
    is_active: bool | None = None
    project_id: str | None = Field(None, max_length=64)

    @property
    def query(self) -> UserQuery:
        return UserQuery(self.search, self.is_active, self.page, self.page_size)


class ProjectRoutes:
    """Answer `/api/v1/projects/*`; every one of them names the developer whose token came."""

    def __init__(self, door: IdentityRoutes) -> None:
        self._door = door

    def routes(self) -> list[web.RouteDef]:
        base, one = "/api/v1/projects", "/api/v1/projects/{project_id}"
        return [
            *(web.get(path, self.list_projects) for path in (base, base + "/")),
            *(web.post(path, self.create) for path in (base, base + "/")),
            web.get(f"{base}/stats", self.all_stats),
            web.get(f"{base}/users", self.all_users),
            web.get(one, self.read),
            web.put(one, self.update),
            web.delete(one, self.delete),
            web.get(f"{one}/stats", self.stats),
            web.get(f"{one}/users", self.users),
            web.get(f"{one}/api-keys", self.list_keys),
            web.post(f"{one}/api-keys", self.create_key),
            web.delete(f"{one}/api-keys/{{api_key_id}}", self.revoke_key),
        ]

    async def list_projects(self, request: web.Request) -> web.Response:
        developer = await self._door.authenticator.developer(request)
        projects = await self._door.accounts.projects(developer.developer_id)
        return web.json_response([_project(project) for project in projects])

    async def create(self, request: web.Request) -> web.Response:
        developer = await self._door.authenticator.developer(request)
        sent = await read_model(request, ProjectCreateRequest)
        project = await self._door.changes.create_project(
            developer.developer_id,
            name=sent.name,
            description=sent.description,
            limit=developer.tier.projects,
            cause=cause_of(request, developer.actor),
        )
        return web.json_response({"id": project.id}, status=201)

    async def read(self, request: web.Request) -> web.Response:
        _, project = await self._own(request)
        return web.json_response(_project(project))

    async def update(self, request: web.Request) -> web.Response:
        developer, project = await self._own(request)
        sent = await read_model(request, ProjectUpdateRequest)
        changed = await self._door.changes.update_project(
            developer.developer_id, project.id, sent.changes(), cause=cause_of(request, developer.actor)
        )
        return web.json_response(_project(changed))

    async def delete(self, request: web.Request) -> web.Response:
        """Close a project: its users, keys, generations and pictures cannot be reached any more."""
        developer, project = await self._own(request)
        cause = cause_of(request, developer.actor)
        await self._door.changes.delete_project(developer.developer_id, project.id, cause=cause)
        return web.Response(status=204)

    async def all_stats(self, request: web.Request) -> web.Response:
        developer = await self._door.authenticator.developer(request)
        asked = read_query(request, UsersRequest)
        chosen = await self._chosen(developer, asked)
        projects = await self._door.accounts.count_projects(developer.developer_id)
        counts = await self._counts(developer, list(chosen), asked)
        return web.json_response({"projects": asdict(projects), **counts})

    async def stats(self, request: web.Request) -> web.Response:
        developer, project = await self._own(request)
        asked = read_query(request, UsersRequest)
        return web.json_response(await self._counts(developer, [project.id], asked))

    async def all_users(self, request: web.Request) -> web.Response:
        developer = await self._door.authenticator.developer(request)
        asked = read_query(request, UsersRequest)
        chosen = await self._chosen(developer, asked)
        users, total = await self._door.accounts.users(developer.developer_id, list(chosen), asked.query)
        listed = [
            {**user_body(user), "project_id": user.project_id, "project_name": chosen[user.project_id].name}
            for user in users
        ]
        return web.json_response(_page(listed, total, asked))

    async def users(self, request: web.Request) -> web.Response:
        developer, project = await self._own(request)
        asked = read_query(request, UsersRequest)
        users, total = await self._door.accounts.users(developer.developer_id, [project.id], asked.query)
        return web.json_response(_page([user_body(user) for user in users], total, asked))

    async def list_keys(self, request: web.Request) -> web.Response:
        developer, project = await self._own(request)
        keys = await self._door.accounts.keys.all_of(developer.developer_id, project.id)
        return web.json_response([key_body(key) for key in keys])

    async def create_key(self, request: web.Request) -> web.Response:
        developer, project = await self._own(request)
        sent = await read_model(request, KeyCreateRequest)
        cause = cause_of(request, developer.actor)
        kept, key = await self._door.create_key(developer.developer_id, project.id, sent.name, cause=cause)
        return secret_response({**key_body(kept), "key": key}, status=201)

    async def revoke_key(self, request: web.Request) -> web.Response:
        developer, project = await self._own(request)
        key_id, cause = path_id(request, "api_key_id"), cause_of(request, developer.actor)
        await self._door.changes.revoke_key(developer.developer_id, key_id, project.id, cause=cause)
        return web.Response(status=204)

    async def _own(self, request: web.Request) -> tuple[DeveloperIdentity, ProjectRecord]:
        return await own_project(self._door, request)

    async def _chosen(self, developer: DeveloperIdentity, asked: UsersRequest) -> dict[str, ProjectRecord]:
        projects = await self._door.accounts.projects(developer.developer_id)
        wanted = None if asked.project_id is None else as_id(asked.project_id)
        return {
            project.id: project for project in projects if asked.project_id is None or project.id == wanted
        }

    async def _counts(
        self, developer: DeveloperIdentity, project_ids: list[str], asked: UsersRequest
    ) -> dict[str, Any]:
        users = await self._door.accounts.count_users(developer.developer_id, project_ids, asked.query)
        keys = await self._door.accounts.keys.count(developer.developer_id, project_ids)
        return {"users": asdict(users), "api_keys": asdict(keys)}


async def own_project(door: IdentityRoutes, request: web.Request) -> tuple[DeveloperIdentity, ProjectRecord]:
    """Admit a developer to the living project in the path; 404 for another's."""
    developer = await door.authenticator.developer(request)
    project = await door.accounts.project(developer.developer_id, path_id(request, "project_id"))
    if project is None:
        raise ExemplarError(ErrorCode.NOT_FOUND)
    return developer, project


def _project(project: ProjectRecord) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "is_active": project.active,
        "created_at": time_body(project.created_at),
        "updated_at": time_body(project.updated_at),
    }


def user_body(user: UserRecord) -> dict[str, Any]:
    created = time_body(user.created_at)
    return {
        "id": user.id,
        "email": user.email,
        "full_name": user.full_name,
        "is_active": user.active,
        "created_at": created,
        "joined_at": created,
    }


def _page(users: list[dict[str, Any]], total: int, asked: UsersRequest) -> dict[str, Any]:
    return {"users": users, "total": total, "page": asked.page, "page_size": asked.page_size}
