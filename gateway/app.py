"""The gateway as one aiohttp application."""

from collections.abc import Iterable, Sequence

from aiohttp import web

from gateway.http.bodies import body_deadline
from gateway.http.cors import allow_origins
from gateway.http.error_log import error_log_middleware
from gateway.http.errors import errors_middleware
from gateway.http.request_ids import install_request_ids
from gateway.settings import GatewaySettings

MAX_JSON_BODY = 2 * 1024 * 1024  # bytes


def create_app(tables: Iterable[Sequence[web.RouteDef]], settings: GatewaySettings) -> web.Application:
    """Create the application: routes, request ids, error log, error responses, body time-outs and CORS."""
    app = web.Application(client_max_size=MAX_JSON_BODY)
    install_request_ids(app)
    if settings.cors_origins:
        allow_origins(app, settings.cors_origins)
    app.middlewares.append(error_log_middleware)
    app.middlewares.append(errors_middleware)
    app.middlewares.append(body_deadline(settings))
    for table in tables:
        app.router.add_routes(table)
    return app
