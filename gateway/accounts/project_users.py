"""`/api/v1/projects/{id}/users/{id}`: what a developer may do with one end user of his."""

from aiohttp import web

from domain.accounts.access import DeveloperIdentity
from domain.errors import ErrorCode, ExemplarError
from gateway.accounts.identity import (
    IdentityRoutes,
    PasswordResetRequest,
    cause_of,
    path_id,
    read_optional_model,
    reset_response,
)
from gateway.accounts.projects import own_project, user_body
from store.accounts.records import UserRecord


class ProjectUserRoutes:
    """Answer for single users; another's is as unknown as nobody."""

    def __init__(self, door: IdentityRoutes) -> None:
        self._door = door

    def routes(self) -> list[web.RouteDef]:
        one = "/api/v1/projects/{project_id}/users/{user_id}"
        return [
            web.get(one, self.read),
            web.delete(one, self.delete),
            web.put(f"{one}/password", self.reset_password),
        ]

    async def read(self, request: web.Request) -> web.Response:
        _, user = await self._own(request)
        return web.json_response({**user_body(user), "project_id": user.project_id})

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a user, of a deleted project too: he is nobody at once, all of his is erased in minutes."""
        developer = await self._door.authenticator.developer(request)
        project, user = path_id(request, "project_id"), path_id(request, "user_id")
        cause = cause_of(request, developer.actor)
        await self._door.changes.delete_user(developer.developer_id, project, user, cause=cause)
        return web.Response(status=204)

    async def reset_password(self, request: web.Request) -> web.Response:
        """Set another password, or make one that is shown once; every session of the user is over."""
        developer, user = await self._own(request)
        password_hash, made = await self._door.chosen_password(
            await read_optional_model(request, PasswordResetRequest)
        )
        cause = cause_of(request, developer.actor)
        await self._door.changes.reset_user_password(
            user.developer_id, user.project_id, user.id, password_hash, cause=cause
        )
        return reset_response(made)

    async def _own(self, request: web.Request) -> tuple[DeveloperIdentity, UserRecord]:
        developer, project = await own_project(self._door, request)
        user = await self._door.accounts.user(project.id, path_id(request, "user_id"))
        if user is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return developer, user
