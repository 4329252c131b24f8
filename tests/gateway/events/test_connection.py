"""Long frames on slow connections: they arrive whole, and nothing comes between their parts."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.events.connection import Connection
from gateway.events.late_body import LateBodyResponse
from gateway.events.settings import StreamSettings
from gateway.events.sse import KEEP_ALIVE, frame, goodbye
from tests.gateway.http.slow_reader import reader

SETTINGS = StreamSettings(write_timeout=1)
LONG = frame("picture", {"data": "x" * 2**20})
END = b"0\r\n\r\n"


class Writer:
    """A server that writes a long frame into a connection, which is `opened` as soon as it waits for the client."""

    def __init__(self, *, last: bool = False) -> None:
        self.last = last
        self.opened: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        response = LateBodyResponse()
        await response.prepare(request)
        request.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**16)
        connection = Connection(response, request, SETTINGS)
        asyncio.get_running_loop().call_soon(self.opened.set_result, connection)
        await (connection.finish(LONG) if self.last else connection.write(LONG))
        return response


@asynccontextmanager
async def served(writer: Writer) -> AsyncIterator[socket.socket]:
    app = web.Application()
    app.router.add_get("/", writer.handle)
    async with TestServer(app) as server:
        with reader(str(server.make_url("/"))) as client:
            yield client


async def received(client: socket.socket, *, pause: float = 0.0) -> bytes:
    """Read to the end of the response, in portions with pauses; return the body."""
    whole = b""
    while not whole.endswith(END):
        portion = await asyncio.get_running_loop().sock_recv(client, 2**16)
        assert portion, "the server has disconnected"
        whole += portion
        await asyncio.sleep(pause)
    chunks, body = whole.partition(b"\r\n\r\n")[2], b""
    while chunks != END:
        size, _, rest = chunks.partition(b"\r\n")
        body, chunks = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body


async def test_a_slow_client_gets_a_long_frame_and_then_what_was_sent_meanwhile() -> None:
    writer = Writer()
    async with served(writer) as client:
        connection, now = await writer.opened, asyncio.get_running_loop().time()
        connection.check(now, SETTINGS)
        connection.check(now + SETTINGS.keep_alive, SETTINGS)
        assert await received(client, pause=0.04) == LONG + KEEP_ALIVE, "it has taken longer than one slice may"
        assert asyncio.get_running_loop().time() - now > SETTINGS.write_timeout


async def test_a_stream_that_is_dismissed_during_a_long_frame_says_so_behind_it() -> None:
    writer = Writer()
    async with served(writer) as client:
        (await writer.opened).dismiss("shutdown")
        assert await received(client) == LONG + goodbye("shutdown")


async def test_nothing_follows_the_last_frame() -> None:
    writer = Writer(last=True)
    async with served(writer) as client:
        connection, now = await writer.opened, asyncio.get_running_loop().time()
        assert connection.closed
        connection.check(now + SETTINGS.max_life, SETTINGS)
        connection.dismiss("shutdown")
        assert await received(client) == LONG


async def test_a_client_that_reads_nothing_is_disconnected() -> None:
    writer = Writer()
    async with served(writer) as client:
        connection = await writer.opened
        assert await connection.ends_within(30)
        assert len(await asyncio.get_running_loop().sock_recv(client, 2**20)) < len(LONG)
