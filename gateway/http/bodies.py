"""Request bodies, read only while they keep arriving."""

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_protocol import RequestPayloadError

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.strict_json import MalformedJsonError, UnacceptableJsonError, load_json
from gateway.http.least_rate import LeastRate
from gateway.http.texts import UndecodableTextError, decode_text
from gateway.settings import GatewaySettings

# What reading a body may raise about the body itself, beside the errors of a connection.
UNREADABLE = (RequestPayloadError, HttpProcessingError)

_DEADLINE: Final = web.RequestKey("body_deadline", asyncio.TimerHandle)


async def expect_handler(request: web.Request) -> None:
    """Postpone ``100 Continue`` until the body is wanted: the first read of a Body sends it.

    Set on a route, it lets every earlier error (401, 403, 429, 413) reach the client instead.
    """


class Body:
    """Read a request's body in pieces.

    Only the time spent waiting for the client counts. A read raises ExemplarError ``request_timeout`` when no
    byte comes for ``body_idle_timeout``, when the last ``rate_window`` seconds fall behind ``body_min_rate``, or
    at ``body_timeout``; one of UNREADABLE when the transfer coding is broken; ConnectionError when the client
    disconnected. A body with a Content-Encoding is rejected before its first byte.
    """

    def __init__(self, request: web.Request, settings: GatewaySettings) -> None:
        reject_encoding(request)
        self._request = request
        self._settings = settings
        self._waited = 0.0
        self._rate = LeastRate(settings.body_min_rate, settings.rate_window)
        self._started = False
        self.received = 0

    async def read(self) -> bytes:
        """Return the available bytes, after waiting for the first; empty at the end."""
        if not self._started:
            await self._start()
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            async with asyncio.timeout(self._allowance()):
                chunk = await self._request.content.readany()
        except TimeoutError:
            raise ExemplarError(ErrorCode.REQUEST_TIMEOUT) from None
        self._waited += clock() - begun
        self.received += len(chunk)
        self._rate.note(self._waited, len(chunk))
        return chunk

    def _allowance(self) -> float:
        """Return the seconds the next byte may take."""
        until = min(self._rate.deadline, self._settings.body_timeout)
        return max(min(self._settings.body_idle_timeout, until - self._waited), 0)

    async def _start(self) -> None:
        self._started = True
        deadline = self._request.get(_DEADLINE)
        if deadline is not None:
            deadline.cancel()
        if self._request.headers.get("Expect", "").lower() == "100-continue":
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # An interim response is not the start of the final one: an error may still follow.
            self._request.writer.output_size = 0


def body_deadline(settings: GatewaySettings) -> Middleware:
    """Make the middleware that lets every body arrive within ``body_idle_timeout``, unless a Body takes over.

    Without it a small body that never ends would keep its handler. Place it inside errors_middleware.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        content = request.content
        if content.is_eof():
            return await handler(request)
        deadline = asyncio.get_running_loop().call_later(
            settings.body_idle_timeout, content.set_exception, ExemplarError(ErrorCode.REQUEST_TIMEOUT)
        )
        request[_DEADLINE] = deadline
        try:
            return await handler(request)
        finally:
            deadline.cancel()

    return middleware


def reject_encoding(request: web.Request) -> None:
    """Raise ``unsupported_encoding`` for a compressed body."""
    codings = ",".join(request.headers.getall("Content-Encoding", ()))
    if any(coding.strip().lower() not in {"", "identity"} for coding in codings.split(",")):
        raise ExemplarError(ErrorCode.UNSUPPORTED_ENCODING)


async def read_json_object(request: web.Request) -> dict[str, object]:
    """Read a small JSON body, at most the application's ``client_max_size``, strictly; raises FieldError."""
    reject_encoding(request)
    try:
        text = decode_text(await request.read(), request.charset)
        value = load_json(text, any_text=True)  # fields check their own text
    except UnacceptableJsonError as error:
        raise field_error(str(error), "value_error") from error
    except MalformedJsonError as error:
        raise field_error("Invalid JSON format", "value_error.json") from error
    except UndecodableTextError as error:
        raise field_error(f"Invalid JSON format: {error}", "value_error.json") from error
    if not isinstance(value, dict):
        raise field_error("value is not a valid dict", "type_error.dict")
    return value


async def read_form(request: web.Request) -> dict[str, str]:
    """Read a small urlencoded or multipart form of text fields, the last of each name; raises FieldError."""
    reject_encoding(request)
    try:
        form = await request.post()
    except (ValueError, LookupError, AttributeError) as error:  # what aiohttp raises for malformed forms
        raise field_error("Invalid form", "value_error") from error
    return {name: value for name, value in form.items() if isinstance(value, str)}


def invalid_body(reason: str) -> FieldError:
    """Build the error of a body that is not valid multipart."""
    msg = f"Invalid multipart body: {reason}"
    return FieldError(ErrorCode.INVALID_MULTIPART, ("body",), msg, "value_error.multipart")


def field_error(msg: str, kind: str) -> FieldError:
    """Build the error of a body as a whole."""
    return FieldError(ErrorCode.INVALID_REQUEST, ("body",), msg, kind)
