"""The gateway's HTTP server, with limits for clients that hold connections without using them.

aiohttp closes a connection without a complete request header ``keepalive_timeout`` seconds after it opened or
after its last response; the default of an hour becomes the settings' ``header_timeout``. Added to this: a
limit on connections, a least rate at which answers are read, no lingering with a client that was too slow, and
error responses in the form of the API for requests that are not HTTP.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from domain.errors import ErrorCode
from gateway.http.connection import GatewayConnection
from gateway.http.cors import sharing_headers
from gateway.http.error_mapping import HTTP_ERRORS
from gateway.http.send_watch import SendWatch, limit_unsent
from gateway.http.shutdown import end_connections, stop_listening
from gateway.settings import GatewaySettings

log = structlog.get_logger()


class GatewayServer(web.Server):
    """All connections of one process, at most ``max_connections``; further ones get 503."""

    def __init__(self, server: web.Server, settings: GatewaySettings, **options: Any) -> None:
        super().__init__(
            server.request_handler,
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
        )
        self._settings = settings
        self._options = options
        self.cors_origins = settings.cors_origins
        self._addresses = settings.client_addresses
        self._watch = SendWatch(settings.send_min_rate, settings.rate_window)
        self._from: Counter[str] = Counter()
        self.open = 0
        self.stopping = False

    def __call__(self) -> GatewayConnection:
        return GatewayConnection(self, loop=asyncio.get_running_loop(), **self._options)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        self.open += 1
        if isinstance(handler, GatewayConnection) and (peer := transport.get_extra_info("peername")):
            handler.address = self._addresses.of_connection(str(peer[0]))
            self._count(handler.address, 1)
        super().connection_made(handler, transport)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        self.open -= 1
        if isinstance(handler, GatewayConnection):
            self._count(handler.address, -1)
        super().connection_lost(handler, exc)

    def admit(self, handler: GatewayConnection, transport: asyncio.BaseTransport) -> None:
        """Limit unsent bytes; refuse a connection over the limit."""
        limit_unsent(transport.get_extra_info("socket"), self._settings.send_timeout)
        from_address = self._from[handler.address] if handler.address else 0
        excess = self.open > self._settings.max_connections
        if excess or from_address > self._settings.max_connections_per_address:
            if isinstance(transport, asyncio.Transport):
                transport.write(_busy(sharing_headers(self.cors_origins, None)))
            handler.force_close()

    def pre_shutdown(self) -> None:
        """Answer what arrives from now on with `Connection: close`."""
        self.stopping = True

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as in aiohttp
        """End all connections within `stop_timeout`."""
        await end_connections(self._connections, self._settings.stop_timeout)

    async def watch(self) -> None:
        """Disconnect clients that read too slowly, again and again."""
        while True:
            await asyncio.sleep(min(1.0, self._settings.rate_window / 4))
            try:
                self._watch.check(self._connections.values(), asyncio.get_running_loop().time())
            except Exception:
                log.exception("send_watch_failed")

    def _count(self, address: str | None, change: int) -> None:
        if address is not None:
            self._from[address] += change
            if not self._from[address]:
                del self._from[address]


class GatewayRunner(web.AppRunner):
    """An AppRunner with a GatewayServer; handlers get requests as sent, never decompressed."""

    __slots__ = ("_settings", "_watch_task")

    def __init__(self, app: web.Application, settings: GatewaySettings) -> None:
        super().__init__(app, access_log=None)
        self._settings = settings
        self._watch_task: asyncio.Task[None] | None = None
        app.on_response_prepare.append(self._close_when_stopping)

    async def cleanup(self) -> None:
        """Stop within bounded time; every request that has arrived is answered."""
        if self.server is not None:
            for site in self.sites:
                await stop_listening(site, self.server)
        await super().cleanup()
        if self._watch_task is not None:
            self._watch_task.cancel()

    async def _close_when_stopping(self, _: web.Request, response: web.StreamResponse) -> None:
        if isinstance(self.server, GatewayServer) and self.server.stopping:
            response.force_close()
            response.headers["Connection"] = "close"

    async def _make_server(self) -> web.Server:
        server = GatewayServer(
            await super()._make_server(),
            self._settings,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=self._settings.header_timeout,
            lingering_time=self._settings.lingering_time,
        )
        self._watch_task = asyncio.create_task(server.watch(), name="send_watch")
        return server


@asynccontextmanager
async def serve(app: web.Application, settings: GatewaySettings, *, reuse_port: bool = False) -> AsyncIterator[None]:
    """Listen on the configured address until the end of the block; OSError when the port is not available."""
    runner = GatewayRunner(app, settings)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, reuse_port=reuse_port or None).start()
        yield
    finally:
        await runner.cleanup()


def _busy(headers: Mapping[str, str]) -> bytes:
    busy = HTTP_ERRORS[ErrorCode.SERVER_BUSY]
    body = json.dumps({"detail": busy.detail, "code": ErrorCode.SERVER_BUSY.value}).encode()
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"HTTP/1.1 {busy.status} Service Unavailable\r\nRetry-After: {busy.headers['Retry-After']}\r\n"
        f"Connection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body
