"""Cross-origin requests of browsers (CORS), for the origins that the operator allows."""

from collections.abc import Iterable, Sequence

import aiohttp_cors
from aiohttp import web

_REQUEST_HEADERS = (
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
_EXPOSED_HEADERS = (
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


def allow_origins(app: web.Application, routes: Iterable[web.AbstractRoute], origins: Sequence[str]) -> None:
    """Let browsers of these origins call the routes, without cookies; "*" is any origin."""
    options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]
        allow_credentials=False, allow_headers=_REQUEST_HEADERS, expose_headers=_EXPOSED_HEADERS, max_age=600
    )
    app.on_response_prepare.append(_vary_by_origin)
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for route in routes:
        cors.add(route)


async def _vary_by_origin(_: web.BaseRequest, response: web.StreamResponse) -> None:
    """Tell caches that the response depends on the origin."""
    known = response.headers.get("Vary")
    response.headers["Vary"] = f"{known}, Origin" if known else "Origin"
