"""One connection of the gateway: how it answers what aiohttp would not, and how it ends."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler, RequestPayloadError, _ErrInfo

from domain.errors import ErrorCode, ExemplarError
from gateway.http.cors import origin_in, sharing_headers
from gateway.http.error_log import log_refused_request
from gateway.http.error_mapping import HTTP_ERRORS
from gateway.http.errors import error_response
from gateway.http.request_ids import HEADER, request_id_of
from gateway.http.shutdown import has_input

if TYPE_CHECKING:
    from gateway.http.server import GatewayServer

_log = structlog.get_logger()

_GENTLE_SECONDS: Final = 1.0
_TOO_SLOW: Final = HTTP_ERRORS[ErrorCode.REQUEST_TIMEOUT].status


class GatewayConnection(RequestHandler):
    """One connection of a GatewayServer."""

    __slots__ = ("_limits", "_origin", "_unread", "address")

    def __init__(self, server: "GatewayServer", **options: Any) -> None:
        super().__init__(server, **options)
        self._limits = server
        self._unread: StreamReader | None = None
        self._origin: str | None = None  # of a request that is not valid HTTP
        self.address: str | None = None  # what the limit of connections counts by

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._limits.admit(self, transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End the wait for the rest of a body when the client disconnects after its response."""
        if self._unread is not None and not self._unread.is_eof():
            self._unread.feed_eof()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Receive bytes; fail a handler that is still reading when they break the transfer coding.

        aiohttp queues such an error as the next message, which waits for the handler, which waits for bytes.
        """
        super().data_received(data)
        if self._messages and isinstance(self._messages[-1][0], _ErrInfo):
            self._origin = origin_in(data)
            request = self._current_request
            if request is not None and not request.content.is_eof():
                request.content.set_exception(RequestPayloadError(self._messages[-1][0].message))

    def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        """Send the response; do not wait for the rest of a body that was too slow or unreadable."""
        content = request.content
        if content.is_eof() and content.exception() is None and resp.status != _TOO_SLOW:
            return super().finish_response(request, resp, start_time)  # for open streams without a frame more
        return self._finish_response(request, resp, start_time)

    async def _finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        finished = await super().finish_response(request, resp, start_time)
        self._unread = request.content
        if request.content.exception() is not None or resp.status == _TOO_SLOW:
            self._close_gently()
        return finished

    def end_if_idle(self) -> None:
        """Close unless a request is in progress or has arrived, or a response is not sent yet."""
        transport = self.transport
        busy = self._request_in_progress or self._messages
        if transport is not None and not busy and not transport.get_write_buffer_size() and not has_input(transport):
            self._close_gently()

    def refuse_body(self) -> None:
        """Answer `server_busy` to a request whose body has not arrived."""
        content = self._current_request.content if self._current_request is not None else None
        if content is not None and not content.is_eof() and content.exception() is None:
            content.set_exception(ExemplarError(ErrorCode.SERVER_BUSY))

    def cancel(self) -> None:
        """Cancel the request in progress."""
        if self._task_handler is not None:
            self._task_handler.cancel()

    def _is_lost(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def _close_gently(self) -> None:
        """Send what is left and the end; drop what arrives for a second, since a reset would destroy the answer."""
        transport, self.transport = self.transport, None
        self.force_close()
        if isinstance(transport, asyncio.Transport) and not transport.is_closing():
            transport.write_eof()
            transport.resume_reading()
            self._loop.call_later(_GENTLE_SECONDS, transport.close)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Respond to what never reached a handler, such as a request that is not HTTP, and close."""
        if request.writer.output_size > 0:
            raise ConnectionError("a response has begun, no other can follow")
        if isinstance(exc, ConnectionError) and self._is_lost():
            _log.info("client_disconnected", method=request.method, request_id=request_id_of(request))
            raise exc
        code = ErrorCode.INVALID_REQUEST if status < 500 else ErrorCode.INTERNAL
        if code is ErrorCode.INTERNAL:
            _log.error("request_failed", exc_info=exc)
        request_id = request_id_of(request)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            log_refused_request(None, None, status, code.value)
        response = error_response(ExemplarError(code), request_id=request_id, status=status)
        response.headers[HEADER] = request_id
        origin = request.headers.get("Origin", self._origin)
        response.headers.update(sharing_headers(self._limits.cors_origins, origin))
        response.force_close()
        return response
