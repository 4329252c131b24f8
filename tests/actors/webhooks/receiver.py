"""Receivers of webhooks: one that notes what it gets and answers as told, one that never answers."""

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
    """One request as it came in."""

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


Answering = Callable[[Received], web.Response]


def taken(_: Received) -> web.Response:
    return web.Response(text="thank you")


def refused(status: int, **headers: str) -> Answering:
    """Answer with a status; underscores in header names stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.Response(status=status, text=f"no: {status}", headers=named)


@dataclass
class Receiver:
    """Notes requests; `answer` may be changed at any time."""

    url: str = ""
    answer: Answering = taken
    requests: list[Received] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        received = Received(request.path, request.headers, await request.read())
        self.requests.append(received)
        return self.answer(received)

    @property
    def types(self) -> list[str]:
        return [received.type for received in self.requests]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver on the loopback interface."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", receiver.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


@dataclass
class Silence:
    """Takes connections and says nothing; counts them."""

    url: str
    connections: int = 0


@asynccontextmanager
async def silence(speak: bytes = b"") -> AsyncIterator[Silence]:
    """Run a server that takes every connection, says `speak` and nothing more."""
    quiet = Silence("")
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
