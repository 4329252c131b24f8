"""Cross-origin requests of browsers (CORS), for the origins that the operator allows.

Requests carry no cookies, and headers that the API does not know change nothing: a preflight allows every header
that it asks for, so that tracing libraries and polyfills work. Every response can be read, also an error.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS: Final = (
    "Accept",
    "Authorization",
    "baggage",
    "Cache-Control",
    "Cancel-After",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "If-Range",
    "Last-Event-ID",
    "Prefer",
    "Range",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "X-API-Key",
    "X-Developer-Key",
    "X-Operator-Key",
    "X-Project-ID",
    "X-Request-ID",
    "X-Requested-With",
    "X-User-Role",
)
_EXPOSED_HEADERS: Final = (
    "Accept-Ranges",
    "Allow",
    "Connection",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Security-Policy",
    "Date",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Server",
    "Vary",
    "WWW-Authenticate",
    "X-Accel-Buffering",
    "X-Content-Type-Options",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_ORIGIN: Final = re.compile(r"[\x21-\x7e]{1,512}")
_ORIGIN_LINE: Final = re.compile(rb"\r\norigin:[ \t]*([\x21-\x7e]{1,512})[ \t]*\r\n", re.IGNORECASE)
_MAX_AGE: Final = "600"

# For a response to a request whose origin cannot be read: it tells nothing of anybody.
_ANYBODY: Final = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "*"}


def sharing_headers(origins: Sequence[str], origin: str | None) -> Mapping[str, str]:
    """Return the headers that let a page of `origin` read a response; None for an origin that is not known."""
    if origin is None:
        return _ANYBODY if origins else {}
    if not _ORIGIN.fullmatch(origin) or not ("*" in origins or origin in origins):
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": ", ".join(_EXPOSED_HEADERS)}


def origin_in(data: bytes) -> str | None:
    """Find the origin in the bytes of a request that is not valid HTTP."""
    found = _ORIGIN_LINE.search(data)
    return found[1].decode() if found else None


def allow_origins(app: web.Application, origins: Sequence[str]) -> None:
    """Let pages of these origins call the application, without cookies; "*" is any origin."""

    @web.middleware
    async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return await handler(request)
        return web.Response(status=204, headers=_permissions(request))

    async def share(request: web.BaseRequest, response: web.StreamResponse) -> None:
        known = response.headers.get("Vary")
        response.headers["Vary"] = f"{known}, Origin" if known else "Origin"
        response.headers.update(sharing_headers(origins, request.headers.get("Origin", "")))

    app.middlewares.append(preflight)
    app.on_response_prepare.append(share)


def _permissions(request: web.Request) -> dict[str, str]:
    """Answer a preflight alike for every path, so that a page can read the 404 or 405 that follows."""
    wanted = ",".join(request.headers.getall("Access-Control-Request-Headers", ())).split(",")
    known = {name.lower() for name in _REQUEST_HEADERS}
    others = {name.strip().lower() for name in wanted if _TOKEN.fullmatch(name.strip())} - known
    return {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": ", ".join((*_REQUEST_HEADERS, *sorted(others))),
        "Access-Control-Max-Age": _MAX_AGE,
    }
