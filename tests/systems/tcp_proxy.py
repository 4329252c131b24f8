"""A TCP proxy whose connections a test can reset, silence, delay or refuse."""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

RESET = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: close by RST


class ProxiedConnection:
    """One connection of a client and its connection to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter | None) -> None:
        self.client, self.server = client, server
        # A half-open connection stays so: what it swallowed is missing for ever.
        self.silent = server is None

    def reset(self) -> None:
        for writer in (self.client, self.server):
            if writer is not None:
                with suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()


class TcpProxy:
    """Forwards to one server, on a loop of its own thread, so that a blocked test delays no process.

    Every method may be called from any thread and returns when it is done.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._connections: set[ProxiedConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._refusing = self._silent = False
        self._delay = 0.0
        self.accepted = 0
        self.port = 0

    def start(self) -> None:
        self._thread.start()
        self._call(self._listen)

    def close(self) -> None:
        self._call(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def reset(self) -> int:
        """Reset every open connection, as a crashed router does; return how many."""
        return int(self._call(self._reset))

    def silence(self, *, new: bool = False) -> int:
        """Swallow every byte of the open connections for ever, without closing them; return how many.

        `new`: of later connections too, until `serve`.
        """
        return int(self._call(partial(self._silence, new=new)))

    def delay(self, seconds: float) -> None:
        """Hold back every byte for so long."""
        self._delay = seconds

    def refuse(self) -> None:
        """Close every new connection at once."""
        self._refusing = True

    def serve(self) -> None:
        """Forward what new connections send."""
        self._refusing = self._silent = False
        self._delay = 0.0

    def send(self, data: bytes) -> None:
        """Send bytes to every client, as if the server had sent them."""
        self._call(partial(self._send, data))

    def _call(self, function: Callable[[], Awaitable[Any]]) -> Any:
        async def call() -> Any:
            return await function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(timeout=30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self._server.close()
        await self._reset()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reset(self) -> int:
        connections, self._connections = self._connections, set()
        for connection in connections:
            connection.reset()
        return len(connections)

    async def _silence(self, *, new: bool) -> int:
        self._silent = new
        speaking = [connection for connection in self._connections if not connection.silent]
        for connection in speaking:
            connection.silent = True
        return len(speaking)

    async def _send(self, data: bytes) -> None:
        for connection in self._connections:
            connection.client.write(data)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._refusing:
            writer.close()
            return
        there, back = None, None
        if not self._silent:
            try:
                there, back = await asyncio.open_connection(*self._target)
            except OSError:
                writer.close()
                return
        connection = ProxiedConnection(writer, back)
        self._connections.add(connection)
        self._forward(connection, reader, back)
        if there is not None:
            self._forward(connection, there, writer)

    def _forward(
        self, connection: ProxiedConnection, source: asyncio.StreamReader, sink: asyncio.StreamWriter | None
    ) -> None:
        task = self._loop.create_task(self._pump(connection, source, sink))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pump(
        self, connection: ProxiedConnection, source: asyncio.StreamReader, sink: asyncio.StreamWriter | None
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self._delay:
                    await asyncio.sleep(self._delay)
                if not connection.silent and sink is not None:
                    sink.write(data)
                    await sink.drain()
        if connection.silent:  # the end of one side is swallowed too
            return
        self._connections.discard(connection)
        if sink is not None:
            sink.close()


@contextmanager
def proxied(url: str) -> Iterator[tuple[TcpProxy, str]]:
    """Run a proxy to the server of a URL; yield it, and the URL that leads through it."""
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    proxy = TcpProxy(address.hostname, address.port)
    proxy.start()
    try:
        yield proxy, url.replace(f"{address.hostname}:{address.port}", f"127.0.0.1:{proxy.port}", 1)
    finally:
        proxy.close()
