"""The connection registry: the open event streams and waits of one process, and their limits."""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Iterable
from sys import intern

import structlog
from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, LimitError
from gateway.auth.account_status import AccessGrant
from gateway.events.connection import Connection
from gateway.events.late_body import LateBodyResponse
from gateway.events.settings import StreamSettings
from gateway.events.sse import SSE, StreamFormat, retry

_CHECK_PERIOD = 1.0  # seconds
_KERNEL_BUFFER = 64 * 1024  # bytes; by default the kernel buffers megabytes for a client that does not read
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "Vary": "Accept",
}

log = structlog.get_logger()


class Slot:
    """A slot of an account and of a developer, taken from its making until it is freed or its block ends."""

    __slots__ = ("_connections", "holders", "request")

    def __init__(self, connections: "Connections", holders: tuple[str, ...], request: web.Request) -> None:
        self._connections = connections
        self.holders = holders
        self.request = request

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.free()

    def free(self) -> None:
        """Free the slot; repeatable."""
        self._connections.free(self)


class Connections:
    """All event streams and waits of one process."""

    def __init__(self, stream_settings: StreamSettings) -> None:
        self._settings = stream_settings
        self._slots: defaultdict[str, list[Slot]] = defaultdict(list)  # by account and by developer
        self._taken = 0
        self._open: dict[Connection, AccessGrant] = {}
        self._draining = False

    @property
    def taken(self) -> int:
        return self._taken

    @property
    def draining(self) -> bool:
        """Tell whether the process is stopping."""
        return self._draining

    @property
    def grants(self) -> Iterable[tuple[Connection, AccessGrant]]:
        """The open streams, each with the grant that it was opened with."""
        return tuple(self._open.items())

    async def run(self) -> None:
        """Check the open streams every second."""
        while True:
            await asyncio.sleep(_CHECK_PERIOD)
            now = asyncio.get_running_loop().time()
            for connection in tuple(self._open):
                try:
                    connection.check(now, self._settings)
                except Exception:
                    log.exception("event_stream_failed")
                    connection.end()

    def drain(self) -> None:
        """End all streams, new ones at once, and refuse new waits."""
        self._draining = True
        for connection in tuple(self._open):
            connection.dismiss("shutdown")

    def slot(self, account: str, developer: str, request: web.Request, *, stream: bool = False) -> Slot:
        """Take a slot; LimitError above the limit of account or developer, `server_busy` above that of the process.

        A stopping process refuses waits, not a `stream`, which it ends at once: a browser that meets an error never
        connects again.
        """
        if (self._draining and not stream) or self._taken >= self._settings.per_process:
            raise ExemplarError(ErrorCode.SERVER_BUSY, "Too many open event streams. Try again later.")
        holders = intern(account), intern(f"developer {developer}")  # not a copy for each stream
        limits = dict(zip(holders, (self._settings.per_holder, self._settings.per_developer), strict=True))
        for holder, limit in limits.items():
            if len(self._slots.get(holder, ())) >= limit and not self._free_disconnected(holder):
                raise LimitError(ErrorCode.STREAM_LIMIT, round(_CHECK_PERIOD) + 1)
        slot = Slot(self, holders, request)
        for holder in slot.holders:
            self._slots[holder].append(slot)
        self._taken += 1
        return slot

    def _free_disconnected(self, holder: str) -> int:
        """Free the slots of closed connections, which their handlers notice later; return how many."""
        slots = self._slots[holder]
        transports = [(slot, slot.request.transport) for slot in slots]
        disconnected = [slot for slot, transport in transports if transport is None or transport.is_closing()]
        for slot in disconnected:
            self.free(slot)
        return len(disconnected)

    def free(self, slot: Slot) -> None:
        """Free a slot; repeatable."""
        holders, slot.holders = slot.holders, ()
        self._taken -= bool(holders)
        for holder in holders:
            self._slots[holder].remove(slot)
            if not self._slots[holder]:
                del self._slots[holder]

    async def open(
        self, request: web.Request, grant: AccessGrant, stream_format: StreamFormat = SSE, *, first: bytes = b""
    ) -> Connection:
        """Begin the response, with its `first` bytes; pass the stream to `remove` in the end."""
        response = LateBodyResponse(headers={**_HEADERS, "Content-Type": stream_format.content_type})
        await response.prepare(request)
        connection = Connection(response, request, self._settings, stream_format)
        client_socket = request.get_extra_info("socket")
        if client_socket is not None:
            client_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
        await connection.write(first or retry(self._settings.retry))
        self._open[connection] = grant
        if self._draining:
            connection.end()
        return connection

    def remove(self, connection: Connection) -> None:
        """End and forget a stream; repeatable."""
        connection.end()
        self._open.pop(connection, None)
