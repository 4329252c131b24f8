"""The open event streams of one process: who may have how many, and the sweep that looks after them."""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, LimitError
from gateway.auth.account_status import AccessGrant
from gateway.events.connection import Connection, StreamSettings
from gateway.events.sse import CONTENT_TYPE, frame, retry

_SWEEP = 1.0
_KERNEL_BUFFER = 64 * 1024  # bytes; the kernel would let a reader that sleeps have megabytes
_HEADERS = {
    "Content-Type": CONTENT_TYPE,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "Vary": "Accept",
}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class ConnectionSlot:
    """A place among those that one holder may have."""

    request: web.Request

    @property
    def left(self) -> bool:
        """Whether whoever sat here has hung up; his handler notices that later."""
        transport = self.request.transport
        return transport is None or transport.is_closing()


class Connections:
    """All streams and waits of one process."""

    def __init__(self, settings: StreamSettings) -> None:
        self.settings = settings
        self._slots: defaultdict[str, set[ConnectionSlot]] = defaultdict(set)
        self._taken = 0
        self._open: dict[Connection, AccessGrant] = {}
        self._draining = False
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def taken(self) -> int:
        """How many streams and waits there are."""
        return self._taken

    @property
    def readers(self) -> Iterable[tuple[Connection, AccessGrant]]:
        """The open streams, each with what its reader was let in with."""
        return tuple(self._open.items())

    def start(self) -> None:
        """Begin to look after streams."""
        self._sweeping = asyncio.create_task(self._sweep(), name="event streams")

    async def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait({self._sweeping})

    def drain(self) -> None:
        """Say goodbye to everybody and admit nobody."""
        self._draining = True
        for connection in tuple(self._open):
            connection.end(frame("goodbye", {"reason": "shutdown"}))

    @contextmanager
    def slot(self, holder: str, request: web.Request) -> Iterator[None]:
        """Count somebody in; LimitError for one too many of a holder, `server_busy` for one of all."""
        if self._draining or self._taken >= self.settings.per_process:
            raise ExemplarError(ErrorCode.SERVER_BUSY, "Too many open event streams. Try again later.")
        if len(self._slots.get(holder, ())) >= self.settings.per_holder and not self._clear(holder):
            raise LimitError(ErrorCode.STREAM_LIMIT, round(_SWEEP) + 1)
        slot = ConnectionSlot(request)
        self._slots[holder].add(slot)
        self._taken += 1
        try:
            yield
        finally:
            self._free(holder, slot)

    def _clear(self, holder: str) -> int:
        """Free the seats of those who have hung up; return how many."""
        left = [slot for slot in self._slots[holder] if slot.left]
        for slot in left:
            self._free(holder, slot)
        return len(left)

    def _free(self, holder: str, slot: ConnectionSlot) -> None:
        """Free a seat; repeatable."""
        slots = self._slots.get(holder, set())
        if slot in slots:
            self._taken -= 1
            slots.remove(slot)
        if not slots:
            self._slots.pop(holder, None)

    async def open(self, request: web.Request, admitted: AccessGrant) -> Connection:
        """Begin the answer; hand it to `leave` in the end."""
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        connection = Connection(response, request, self.settings)
        client_socket = request.get_extra_info("socket")
        if client_socket is not None:
            client_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
        await connection.write(retry(self.settings.retry))
        self._open[connection] = admitted
        if self._draining:
            connection.end()
        return connection

    def leave(self, connection: Connection) -> None:
        """Forget a stream; repeatable."""
        connection.end()
        self._open.pop(connection, None)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            now = asyncio.get_running_loop().time()
            for connection in tuple(self._open):
                try:
                    connection.look(now, self.settings)
                except Exception:
                    log.exception("event_stream_failed")
                    connection.end()
