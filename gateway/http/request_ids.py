"""The ids of a request: its own, in the response and in every log line, and its trace."""

import re
import uuid
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from events.envelope import Cause

HEADER: Final = "X-Request-ID"
_KEY: Final = web.RequestKey("request_id", str)
_OWN_TRACE: Final = web.RequestKey("traceparent", str)
_LEGAL: Final = re.compile(r"[\x21-\x7e]{1,128}")
# W3C Trace Context, 3.2: version, trace id, parent id, flags; only later versions may add members behind a dash.
_TRACE: Final = re.compile(r"(?!ff|00.{54})([0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?")


def request_id_of(request: web.BaseRequest) -> str:
    """Return the id of a request: the client's (1 to 128 visible ASCII characters) or a new one."""
    known: str | None = request.get(_KEY)
    if known is not None:
        return known
    sent = request.headers.get(HEADER, "")
    request_id = sent if _LEGAL.fullmatch(sent) else uuid.uuid4().hex
    request[_KEY] = request_id
    return request_id


def traceparent_of(request: web.Request) -> str | None:
    """Return what events of a request name as their trace: the span of this gateway, else what the client sent."""
    own: str | None = request.get(_OWN_TRACE)
    return sent_traceparent(request) if own is None else own


def set_traceparent(request: web.Request, traceparent: str | None) -> None:
    """Name the span of this gateway, if it traces the request."""
    if traceparent is not None:
        request[_OWN_TRACE] = traceparent


def sent_traceparent(request: web.Request) -> str | None:
    """Return the client's traceparent, of a later version its first four members; None for a malformed one.

    A `tracestate` is not read: it is text of others, and may be dropped by anybody.
    """
    sent = request.headers.getall("traceparent", [])
    found = _TRACE.fullmatch(sent[0].strip()) if len(sent) == 1 else None
    return found[1] if found else None


def cause_of(request: web.Request, actor: str) -> Cause:
    return Cause(actor=actor, request_id=request_id_of(request), traceparent=traceparent_of(request))


@web.middleware
async def request_id_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id and bind it to the log; the outermost middleware."""
    # One task serves all requests of a connection: the next one drops what this one has bound.
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id_of(request))
    return await handler(request)


async def send_request_id(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Add the id to a response; a signal (``on_response_prepare``), so that streams carry it too."""
    response.headers[HEADER] = request_id_of(request)


def install_request_ids(app: web.Application) -> None:
    """Give every request of an application an id, and every response its header."""
    app.middlewares.append(request_id_middleware)
    app.on_response_prepare.append(send_request_id)
