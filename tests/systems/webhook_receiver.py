"""Receivers of webhooks: one that records requests and responds as set, one that never responds."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def type(self) -> str:
        return str(self.message["type"]).removeprefix("generation.")

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def sequence(self) -> int:
        return int(self.headers["webhook-sequence"])


Respond = Callable[[Received], web.Response]


def accept(_: Received) -> web.Response:
    return web.Response(text="thank you")


def refuse(status: int, **headers: str) -> Respond:
    """Respond with a status; underscores in header names stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.Response(status=status, text=f"no: {status}", headers=named)


@dataclass
class Receiver:
    """Records requests; `respond` may be changed at any time."""

    url: str = ""
    respond: Respond = accept
    requests: list[Received] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        received = Received(request.path, request.headers, await request.read())
        self.requests.append(received)
        return self.respond(received)

    @property
    def types(self) -> list[str]:
        return [received.type for received in self.requests]


@asynccontextmanager
async def open_receiver() -> AsyncIterator[Receiver]:
    """Run a receiver on the loopback interface."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", receiver.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


@dataclass
class SilentServer:
    """Accepts connections, counts them and does not respond."""

    url: str
    connections: int = 0


@asynccontextmanager
async def silent_server(speak: bytes = b"") -> AsyncIterator[SilentServer]:
    """Run a server that accepts every connection, sends `speak` and nothing more."""
    quiet = SilentServer("")
    open_ones: set[asyncio.StreamWriter] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        quiet.connections += 1
        open_ones.add(writer)
        if speak:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(speak)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    quiet.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield quiet
    finally:
        server.close()
        for writer in open_ones:
            writer.close()
