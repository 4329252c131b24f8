"""All routes about accounts."""

from collections.abc import Sequence

from aiohttp import web

from gateway.accounts.auth_routes import AuthRoutes
from gateway.accounts.developers import DeveloperRoutes
from gateway.accounts.histories import HistoryRoutes, ReadStream
from gateway.accounts.identity import IdentityRoutes
from gateway.accounts.project_users import ProjectUserRoutes
from gateway.accounts.projects import ProjectRoutes


def account_tables(identity: IdentityRoutes, read: ReadStream) -> list[Sequence[web.RouteDef]]:
    """List the routes of accounts; `read` reads a stream of the log."""
    return [
        AuthRoutes(identity).routes(),
        DeveloperRoutes(identity).routes(),
        HistoryRoutes(identity.authenticator, read).routes(),
        ProjectRoutes(identity).routes(),
        ProjectUserRoutes(identity).routes(),
    ]
