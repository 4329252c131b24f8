"""One line of the log for every request that is refused: who asked what, by the names of the documentation.

It never holds what a client sent: no address (a ticket may stand in its query), no header, no body.
"""

import uuid
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

CODE: Final = web.RequestKey("error_code", str)
"""The code that a request was refused with, noted by whoever writes the answer."""

_log = structlog.get_logger()


@web.middleware
async def refusals_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the log of a refusal, and every line in between which generation it is about."""
    with structlog.contextvars.bound_contextvars(**_subject(request)):
        response = await handler(request)
        if response.status >= HTTPStatus.BAD_REQUEST:
            tell_refusal(request.method, _route(request), response.status, request.get(CODE))
        return response


def tell_refusal(method: str | None, route: str | None, status: int, code: str | None) -> None:
    """Write the line; the request id is bound already. Whoever floods us with wrong keys gets no warning."""
    write = _log.warning if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _log.info
    write("request refused", method=method, route=route, status=status, code=code)


def _route(request: web.Request) -> str | None:
    """Name the route as it is documented; None where there is none."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else None


def _subject(request: web.Request) -> dict[str, str]:
    """Read the generation from the path; a client may write there what it likes, so only an id counts."""
    try:
        return {"generation_id": str(uuid.UUID(request.match_info.get("generation_id", "")))}
    except ValueError:
        return {}
