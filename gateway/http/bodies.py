"""The bytes of a request's body, taken only while they keep coming."""

import asyncio
from typing import Final, Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_protocol import RequestPayloadError

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.strict_json import MalformedJsonError, UnacceptableJsonError, load_json

# What reading a body may raise about the body itself, beside the errors of a connection.
UNREADABLE = (RequestPayloadError, HttpProcessingError)

_DEADLINE: Final = web.RequestKey("body_deadline", asyncio.TimerHandle)


class BodyTimeouts(Protocol):
    """How long a body may take: seconds, and bytes per second on average."""

    @property
    def body_idle_timeout(self) -> float: ...
    @property
    def body_timeout(self) -> float: ...
    @property
    def body_min_rate(self) -> int: ...


async def expect_handler(request: web.Request) -> None:
    """Postpone ``100 Continue`` until the body is wanted: it is sent by the first read of a Body.

    Set on a route, it lets every earlier refusal (401, 403, 429, 413) reach the client instead of it.
    """


class Body:
    """Read a request's body in pieces.

    Only the time spent waiting for the client counts. A read raises ExemplarError ``request_timeout`` when no
    byte comes for ``body_idle_timeout``, when the whole falls behind ``body_min_rate`` after that time, or at
    ``body_timeout``; one of UNREADABLE when the transfer coding is broken; ConnectionError when the client
    went away. A body with a Content-Encoding is refused before its first byte.
    """

    def __init__(self, request: web.Request, timeouts: BodyTimeouts) -> None:
        refuse_encoding(request)
        self._request = request
        self._timeouts = timeouts
        self._waited = 0.0
        self._asked = False
        self.received = 0

    async def read(self) -> bytes:
        """Return the bytes that are there, waiting for the first; empty at the end."""
        if not self._asked:
            await self._ask()
        content = self._request.content
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            async with asyncio.timeout(self._allowance()):
                chunk = await content.readany()
        except TimeoutError:
            raise ExemplarError(ErrorCode.REQUEST_TIMEOUT) from None
        self._waited += clock() - begun
        self.received += len(chunk)
        return chunk

    def _allowance(self) -> float:
        """Return the seconds the next byte may take."""
        idle = self._timeouts.body_idle_timeout
        behind = idle + self.received / self._timeouts.body_min_rate - self._waited
        return max(min(idle, behind, self._timeouts.body_timeout - self._waited), 0)

    async def _ask(self) -> None:
        self._asked = True
        deadline = self._request.get(_DEADLINE)
        if deadline is not None:
            deadline.cancel()
        if self._request.headers.get("Expect", "").lower() == "100-continue":
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # An interim answer is no begun answer: what follows may still be refused.
            self._request.writer.output_size = 0


def body_deadline(timeouts: BodyTimeouts) -> Middleware:
    """Make the middleware that lets every body arrive within ``body_idle_timeout``, unless a Body takes over.

    Without it a small body that never ends keeps its handler for ever. Place it inside errors_middleware.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        content = request.content
        if content.is_eof():
            return await handler(request)
        timeout = ExemplarError(ErrorCode.REQUEST_TIMEOUT)
        deadline = asyncio.get_running_loop().call_later(
            timeouts.body_idle_timeout, content.set_exception, timeout
        )
        request[_DEADLINE] = deadline
        try:
            return await handler(request)
        finally:
            deadline.cancel()

    return middleware


def refuse_encoding(request: web.Request) -> None:
    """Raise ``unsupported_encoding`` for a compressed body: nothing is unpacked for strangers."""
    codings = ",".join(request.headers.getall("Content-Encoding", ()))
    if any(coding.strip().lower() not in {"", "identity"} for coding in codings.split(",")):
        raise ExemplarError(ErrorCode.UNSUPPORTED_ENCODING)


async def read_json_object(request: web.Request) -> dict[str, object]:
    """Read a small JSON body, at most the application's ``client_max_size``, strictly; raises FieldError."""
    refuse_encoding(request)
    try:
        value = load_json((await request.read()).decode(), any_text=True)  # a field tells of its own text
    except UnacceptableJsonError as error:
        raise _field_error(str(error), "value_error") from error
    except (MalformedJsonError, UnicodeDecodeError) as error:
        raise _field_error("Invalid JSON format", "value_error.json") from error
    if not isinstance(value, dict):
        raise _field_error("value is not a valid dict", "type_error.dict")
    return value


async def read_form(request: web.Request) -> dict[str, str]:
    """Read a small urlencoded or multipart form of text fields, the last of each name; raises FieldError."""
    refuse_encoding(request)
    try:
        form = await request.post()
    except (ValueError, LookupError, AttributeError) as error:  # what aiohttp's reader does on broken forms
        raise _field_error("Invalid form", "value_error") from error
    return {name: value for name, value in form.items() if isinstance(value, str)}


def invalid_body(reason: str) -> FieldError:
    """Build the error of a body that is no multipart, or a broken one."""
    msg = f"Invalid multipart body: {reason}"
    return FieldError(ErrorCode.INVALID_MULTIPART, ("body",), msg, "value_error.multipart")


def _field_error(msg: str, kind: str) -> FieldError:
    return FieldError(ErrorCode.INVALID_REQUEST, ("body",), msg, kind)
