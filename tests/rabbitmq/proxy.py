import asyncio
import socket
import struct
from contextlib import suppress
from urllib.parse import urlsplit

from pika.frame import Method


class Proxy:
    """A TCP proxy before RabbitMQ whose connections a test can cut, hold or refuse."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._writers: list[asyncio.StreamWriter] = []
        self._clients: list[asyncio.StreamWriter] = []
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._refusing = False
        self.accepted = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    @property
    def url(self) -> str:
        port = self._server.sockets[0].getsockname()[1]
        credentials = f"{self._target.username}:{self._target.password}"
        return f"amqp://{credentials}@127.0.0.1:{port}{self._target.path}"

    def cut(self) -> None:
        """Reset every connection, as a crashed router does."""
        for writer in self._writers:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._writers.clear()
        self._clients.clear()

    def say(self, method: object) -> None:
        """Send a method to every client, as if RabbitMQ had sent it."""
        for client in self._clients:
            client.write(Method(0, method).marshal())

    def hold(self) -> None:
        """Drop every byte of the open connections until `release`."""
        self._open.clear()

    def refuse(self) -> None:
        """Close every new connection at once."""
        self._refusing = True

    def serve(self) -> None:
        self._refusing = False

    def release(self) -> None:
        self._open.set()

    async def close(self) -> None:
        self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._refusing:
            writer.close()
            return
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers += [writer, back]
        self._clients.append(writer)
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self._open.is_set():
                    sink.write(data)
        sink.close()
