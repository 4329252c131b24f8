"""The gateway as one aiohttp application."""

from collections.abc import Iterable, Sequence

import aiohttp_cors
from aiohttp import web

from gateway.http.bodies import BodyTimeouts, body_deadline
from gateway.http.error_log import refusals_middleware
from gateway.http.errors import errors_middleware
from gateway.http.request_ids import install_request_ids

MAX_JSON_BODY = 2 * 1024 * 1024

_CORS_HEADERS = (
    "Accept",
    "Authorization",
    "Cancel-After",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
    "Range",
    "traceparent",
    "X-API-Key",
    "X-Developer-Key",
    "X-Project-ID",
    "X-Request-ID",
    "X-User-Role",
)
_CORS_EXPOSED = (
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
)


def create_app(
    tables: Iterable[Sequence[web.RouteDef]], *, timeouts: BodyTimeouts, cors_origins: Sequence[str]
) -> web.Application:
    """Serve route tables with request ids, error answers, body time-outs and CORS for some origins."""
    app = web.Application(client_max_size=MAX_JSON_BODY)
    install_request_ids(app)
    app.middlewares.append(refusals_middleware)
    app.middlewares.append(errors_middleware)
    app.middlewares.append(body_deadline(timeouts))
    routes = [route for table in tables for definition in table for route in definition.register(app.router)]
    if cors_origins:
        _allow(app, routes, cors_origins)
    return app


def _allow(app: web.Application, routes: Iterable[web.AbstractRoute], origins: Sequence[str]) -> None:
    options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]
        allow_credentials=False, allow_headers=_CORS_HEADERS, expose_headers=_CORS_EXPOSED, max_age=600
    )
    app.on_response_prepare.append(_vary)
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for route in routes:
        cors.add(route)


async def _vary(_: web.BaseRequest, response: web.StreamResponse) -> None:
    """Tell caches that an answer depends on the origin, so that they serve it to no other."""
    known = response.headers.get("Vary")
    response.headers["Vary"] = f"{known}, Origin" if known else "Origin"
