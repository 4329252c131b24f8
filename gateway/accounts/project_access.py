"""Access of developers to their projects."""

from aiohttp import web

from domain.accounts.access import DeveloperIdentity
from domain.errors import ErrorCode, ExemplarError
from gateway.auth.authentication import Authenticator
from gateway.http.ids import path_id
from store.accounts.accounts import Accounts
from store.accounts.records import ProjectRecord


async def own_project(
    request: web.Request, authenticator: Authenticator, accounts: Accounts
) -> tuple[DeveloperIdentity, ProjectRecord]:
    """Authenticate a developer and read their active project in the path; 404 for any other project."""
    developer = await authenticator.authenticate_developer(request)
    project = await accounts.project(developer.developer_id, path_id(request, "project_id"))
    if project is None:
        raise ExemplarError(ErrorCode.NOT_FOUND)
    return developer, project
