"""`/api/v1/projects/*`: a developer's projects and their API keys."""

from dataclasses import dataclass

from aiohttp import web

from domain.accounts.access import DeveloperIdentity
from domain.accounts.keys import Peppers
from domain.paths import PROJECT, PROJECTS
from gateway.accounts.bodies import key_body, project_body, secret_response
from gateway.accounts.project_access import own_project
from gateway.accounts.requests import KeyCreateRequest, ProjectCreateRequest, ProjectUpdateRequest
from gateway.auth.authentication import Authenticator
from gateway.http.causes import cause_of
from gateway.http.ids import path_id
from gateway.http.parsing import read_model
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.key_minting import mint_key
from store.accounts.records import ProjectRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRoutes:
    accounts: Accounts
    account_changes: AccountChanges
    authenticator: Authenticator
    peppers: Peppers

    def routes(self) -> list[web.RouteDef]:
        return [
            *(web.get(path, self.list_projects) for path in (PROJECTS, f"{PROJECTS}/")),
            *(web.post(path, self.create) for path in (PROJECTS, f"{PROJECTS}/")),
            web.get(PROJECT, self.read),
            web.put(PROJECT, self.update),
            web.delete(PROJECT, self.delete),
            web.get(f"{PROJECT}/api-keys", self.list_keys),
            web.post(f"{PROJECT}/api-keys", self.create_key),
            web.delete(f"{PROJECT}/api-keys/{{api_key_id}}", self.revoke_key),
        ]

    async def list_projects(self, request: web.Request) -> web.Response:
        developer = await self.authenticator.authenticate_developer(request)
        projects = await self.accounts.projects(developer.developer_id)
        return web.json_response([project_body(project) for project in projects])

    async def create(self, request: web.Request) -> web.Response:
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

    async def read(self, request: web.Request) -> web.Response:
        _, project = await self._own(request)
        return web.json_response(project_body(project))

    async def update(self, request: web.Request) -> web.Response:
        developer, project = await self._own(request)
        body = await read_model(request, ProjectUpdateRequest)
        changed = await self.account_changes.update_project(
            developer.developer_id, project.id, body.changes(), cause=cause_of(request, developer.actor)
        )
        return web.json_response(project_body(changed))

    async def delete(self, request: web.Request) -> web.Response:
        """Close a project: its users, keys, generations and pictures cannot be reached any more."""
        developer, project = await self._own(request)
        cause = cause_of(request, developer.actor)
        await self.account_changes.delete_project(developer.developer_id, project.id, cause=cause)
        return web.Response(status=204)

    async def list_keys(self, request: web.Request) -> web.Response:
        developer, project = await self._own(request)
        keys = await self.accounts.keys.all_of(developer.developer_id, project.id)
        return web.json_response([key_body(key) for key in keys])

    async def create_key(self, request: web.Request) -> web.Response:
        developer, project = await self._own(request)
        body = await read_model(request, KeyCreateRequest)
        cause, owner = cause_of(request, developer.actor), developer.developer_id
        record, key = await mint_key(
            self.account_changes, self.peppers, owner, project.id, name=body.name, cause=cause
        )
        return secret_response({**key_body(record), "key": key}, status=201)

    async def revoke_key(self, request: web.Request) -> web.Response:
        developer, project = await self._own(request)
        key_id, cause = path_id(request, "api_key_id"), cause_of(request, developer.actor)
        await self.account_changes.revoke_key(developer.developer_id, key_id, project.id, cause=cause)
        return web.Response(status=204)

    async def _own(self, request: web.Request) -> tuple[DeveloperIdentity, ProjectRecord]:
        return await own_project(request, self.authenticator, self.accounts)
