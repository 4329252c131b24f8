"""One log line for every request that ends in an error.

It holds nothing that the client sent: no URL (its query may hold a ticket), no header, no body.
"""

import uuid
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

CODE: Final = web.RequestKey("error_code", str)
"""The error code of the response, noted by its writer."""

_log = structlog.get_logger()


@web.middleware
async def error_log_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log an error response, and bind the generation of the path to every line of the request."""
    if subject := _subject(request):
        structlog.contextvars.bind_contextvars(**subject)
    response = await handler(request)
    if response.status >= HTTPStatus.BAD_REQUEST:
        log_refused_request(request.method, _route(request), response.status, request.get(CODE))
    return response


def log_refused_request(method: str | None, route: str | None, status: int, code: str | None) -> None:
    """Write the line; the request id is bound already. Only errors of the server are warnings."""
    write = _log.warning if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _log.info
    write("request_refused", method=method, route=route, status=status, code=code)


def _route(request: web.Request) -> str | None:
    """Return the path template of the route; None for an unknown path."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else None


def _subject(request: web.Request) -> dict[str, str]:
    """Read the generation id from the path; text that is no id is not logged."""
    sent = request.match_info.get("generation_id")
    try:
        return {} if sent is None else {"generation_id": str(uuid.UUID(sent))}
    except ValueError:
        return {}
