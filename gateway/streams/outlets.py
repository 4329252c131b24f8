"""The open event streams of one process: who may have how many, and the sweep that looks after them."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import structlog
from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, LimitError
from gateway.accounts.standing import Pass
from gateway.streams.outlet import Outlet, StreamSettings
from gateway.streams.sse import CONTENT_TYPE, frame, retry

_SWEEP = 1.0
_KERNEL_BUFFER = 64 * 1024  # bytes; the kernel would let a reader that sleeps have megabytes
_HEADERS = {
    "Content-Type": CONTENT_TYPE,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "Vary": "Accept",
}

log = structlog.get_logger()


class Outlets:
    """All streams and waits of one process."""

    def __init__(self, settings: StreamSettings) -> None:
        self.settings = settings
        self._seats: Counter[str] = Counter()
        self._taken = 0
        self._open: dict[Outlet, Pass] = {}
        self._draining = False
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def taken(self) -> int:
        """How many streams and waits there are."""
        return self._taken

    @property
    def readers(self) -> Iterable[tuple[Outlet, Pass]]:
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
        for outlet in tuple(self._open):
            outlet.end(frame("goodbye", {"reason": "shutdown"}))

    @contextmanager
    def seat(self, holder: str) -> Iterator[None]:
        """Count somebody in; LimitError for one too many of a holder, `server_busy` for one of all."""
        if self._draining or self._taken >= self.settings.per_process:
            raise ExemplarError(ErrorCode.SERVER_BUSY, "Too many open event streams. Try again later.")
        if self._seats[holder] >= self.settings.per_holder:
            raise LimitError(ErrorCode.STREAM_LIMIT, round(_SWEEP) + 1)
        self._seats[holder] += 1
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._seats[holder] -= 1
            if not self._seats[holder]:
                del self._seats[holder]

    async def open(self, request: web.Request, admitted: Pass) -> Outlet:
        """Begin the answer; hand it to `leave` in the end."""
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        outlet = Outlet(response, request, self.settings)
        connection = request.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
        await outlet.write(retry(self.settings.retry))
        self._open[outlet] = admitted
        if self._draining:
            outlet.end()
        return outlet

    def leave(self, outlet: Outlet) -> None:
        """Forget a stream; repeatable."""
        outlet.end()
        self._open.pop(outlet, None)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            now = asyncio.get_running_loop().time()
            for outlet in tuple(self._open):
                try:
                    outlet.look(now, self.settings)
                except Exception:
                    log.exception("event_stream_failed")
                    outlet.end()
