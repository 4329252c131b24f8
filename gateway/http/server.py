"""The connections of the door, guarded against clients that keep them without using them.

aiohttp closes a connection that has no complete request header ``keepalive_timeout`` seconds after it opened
or after its last answer. Its default is an hour; ours is the settings' ``header_timeout``. Added to this: a
cap on connections, a limit on unacknowledged sent bytes, no lingering with a client that was too slow, and
answers in the API's own form to what is no HTTP.
"""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler, RequestPayloadError, _ErrInfo

from domain.errors import ErrorCode, ExemplarError
from gateway.http.error_log import tell_refusal
from gateway.http.errors import ANSWERS, error_response
from gateway.http.request_ids import HEADER, request_id_of
from gateway.settings import GatewaySettings

_log = structlog.get_logger()

_TOO_SLOW: Final = ANSWERS[ErrorCode.REQUEST_TIMEOUT].status


class GuardedHandler(RequestHandler):
    """One connection."""

    __slots__ = ("_guarded", "_unread")

    def __init__(self, server: "GuardedServer", **options: Any) -> None:
        super().__init__(server, **options)
        self._guarded = server
        self._unread: StreamReader | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._guarded.admit(self, transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End the wait for the rest of a body when the client, having seen its answer, has gone."""
        if self._unread is not None and not self._unread.is_eof():
            self._unread.feed_eof()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; tell a handler that is still reading when they break the transfer coding.

        aiohttp queues such an error as the next message, which waits for the handler, which waits for bytes.
        """
        super().data_received(data)
        if self._messages and isinstance(self._messages[-1][0], _ErrInfo):
            request = self._current_request
            if request is not None and not request.content.is_eof():
                request.content.set_exception(RequestPayloadError(self._messages[-1][0].message))

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer; do not wait for the rest of a body that was too slow or cannot be read."""
        finished = await super().finish_response(request, resp, start_time)
        self._unread = request.content
        if request.content.exception() is not None or resp.status == _TOO_SLOW:
            self.force_close()
        return finished

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never reached a handler, such as a request that is no HTTP, and close."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun, no other can follow")
        code = ErrorCode.INVALID_REQUEST if status < 500 else ErrorCode.INTERNAL
        if code is ErrorCode.INTERNAL:
            _log.error("request_failed", exc_info=exc)
        request_id = request_id_of(request)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            tell_refusal(None, None, status, code.value)
        response = error_response(ExemplarError(code), request_id=request_id, status=status)
        response.headers[HEADER] = request_id
        response.force_close()
        return response


class GuardedServer(web.Server):
    """All connections of one process: at most ``max_connections``, the next one is told to come later."""

    def __init__(self, server: web.Server, settings: GatewaySettings, **options: Any) -> None:
        super().__init__(
            server.request_handler,
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
        )
        self._settings = settings
        self._options = options
        self.open = 0

    def __call__(self) -> GuardedHandler:
        return GuardedHandler(self, loop=asyncio.get_running_loop(), **self._options)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        self.open += 1
        super().connection_made(handler, transport)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        self.open -= 1
        super().connection_lost(handler, exc)

    def admit(self, handler: GuardedHandler, transport: asyncio.BaseTransport) -> None:
        """Bound what a client may leave unread; send a connection over the cap away."""
        limit_unacknowledged(transport.get_extra_info("socket"), self._settings.send_timeout)
        if self.open > self._settings.max_connections and isinstance(transport, asyncio.Transport):
            transport.write(_busy())
            handler.force_close()


def limit_unacknowledged(connection: socket.socket, seconds: float) -> None:
    """Let the kernel drop a peer that takes no bytes for this long (Linux; RFC 5482)."""
    if sys.platform == "linux" and connection.family in {socket.AF_INET, socket.AF_INET6}:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))


class GuardedRunner(web.AppRunner):
    """An AppRunner whose server is guarded; requests reach handlers as sent, never decompressed."""

    __slots__ = ("_settings",)

    def __init__(self, app: web.Application, settings: GatewaySettings) -> None:
        super().__init__(app, access_log=None)
        self._settings = settings

    async def _make_server(self) -> web.Server:
        return GuardedServer(
            await super()._make_server(),
            self._settings,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=self._settings.header_timeout,
            lingering_time=self._settings.lingering_time,
        )


def make_runner(app: web.Application, settings: GatewaySettings) -> web.AppRunner:
    """Make the runner of the gateway's application; ``setup`` it, then start a site on it."""
    return GuardedRunner(app, settings)


@asynccontextmanager
async def open_door(app: web.Application, settings: GatewaySettings) -> AsyncIterator[None]:
    """Listen where the settings say, until the end of the block; OSError when the port cannot be had."""
    runner = make_runner(app, settings)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        yield
    finally:
        await runner.cleanup()


def _busy() -> bytes:
    answer = ANSWERS[ErrorCode.SERVER_BUSY]
    body = json.dumps({"detail": answer.detail, "code": ErrorCode.SERVER_BUSY.value}).encode()
    head = (
        f"HTTP/1.1 {answer.status} Service Unavailable\r\nRetry-After: {answer.headers['Retry-After']}\r\n"
        f"Connection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
