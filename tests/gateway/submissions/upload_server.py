"""A server that only reads uploads, and a client that sends raw bytes."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from exemplar.clock import now
from gateway.http.bodies import body_deadline, expect_handler, read_form, read_json_object
from gateway.http.byte_budget import ByteBudget
from gateway.http.errors import errors_middleware
from gateway.http.request_ids import install_request_ids
from gateway.http.server import GatewayRunner, GatewayServer
from gateway.settings import GatewaySettings
from gateway.submissions.content import Content
from gateway.submissions.uploads.reader import UploadReader
from gateway.submissions.uploads.stored_pictures import StoredPictures

BOUNDARY = "----a-boundary"
SECRETS = dict.fromkeys(("jwt_secret", "id_secret"), "k" * 32)


def make_settings(**chosen: object) -> GatewaySettings:
    return GatewaySettings.model_validate({**SECRETS, "port": 0, "stop_timeout": 0.2, **chosen})


def part(name: str, content: bytes, filename: str | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    lines = [disposition, *(f"{key}: {value}" for key, value in (headers or {}).items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def form(*parts: bytes, boundary: str = BOUNDARY) -> bytes:
    mark = b"--" + boundary.encode()
    return b"".join(mark + b"\r\n" + one + b"\r\n" for one in parts) + mark + b"--\r\n"


def request(body: bytes = b"", headers: Mapping[str, str] | None = None, *, target: str = "POST /generate-v2") -> bytes:
    """Write a request; a header with the value "" is omitted."""
    every = {
        "Host": "gateway",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(body)),
        **(headers or {}),
    }
    head = "".join(f"{key}: {value}\r\n" for key, value in every.items() if value)
    return f"{target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> dict[str, object]:
        return dict(json.loads(self.text))

    @property
    def contract(self) -> dict[str, object]:
        """The body without the members that every error has."""
        return {key: value for key, value in self.body.items() if key not in {"code", "request_id", "errors"}}


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    lines = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in lines}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(head[0].split()[1]), headers, body.decode())


class Wire:
    """One raw connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Answer:
        return await read_answer(self.reader)

    async def end(self) -> bytes:
        """Read until the server closes the connection."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""


class UploadServer:
    def __init__(self, port: int, budget: ByteBudget, server: GatewayServer) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.budget = budget
        self.server = server

    @asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Wire(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def ask(self, data: bytes) -> Answer:
        """Send a request that fits the socket buffers and return the answer."""
        async with self.wire() as wire:
            await wire.send(data)
            return await wire.answer()

    async def submit(self, *parts: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.ask(request(form(*parts), headers))


def summary(submission: Content, contents: list[int]) -> dict[str, object]:
    return {
        "images": [
            [upload.filename, upload.size, upload.sha256, upload.content_type, upload.width]
            for upload in submission.images
        ],
        "read": contents,
        "instructions": submission.instructions,
        "webhook": submission.webhook,
        "webhook_events_filter": submission.webhook_events_filter,
        "metadata": submission.metadata,
    }


def make_app(settings: GatewaySettings, budget: ByteBudget) -> web.Application:
    nothing: Any = None  # no form of these tests names a stored picture
    stored = StoredPictures(generations=nothing, blobs=nothing)
    reader = UploadReader(
        gateway_settings=settings, upload_budget=budget, stored_pictures=stored, webhook_allow=(), clock=now
    )

    async def submit(request: web.Request) -> web.Response:
        developer, user = request.headers.get("X-Developer", "one"), request.headers.get("X-User", "")
        async with reader.read(request, developer, user) as submission:
            contents = [len(await upload.read()) for upload in submission.images]
            return web.json_response(summary(submission, contents), status=202)

    async def echo(request: web.Request) -> web.Response:
        return web.json_response(await read_json_object(request))

    async def echo_form(request: web.Request) -> web.Response:
        return web.json_response(await read_form(request))

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(64 * 1024 * 1024))

    app = web.Application(client_max_size=64 * 1024)
    install_request_ids(app)
    app.middlewares.extend([errors_middleware, body_deadline(settings)])
    app.router.add_post("/generate-v2", submit, expect_handler=expect_handler)
    app.router.add_post("/json", echo)
    app.router.add_post("/form", echo_form)
    app.router.add_get("/large", large)
    return app


@asynccontextmanager
async def open_server(**chosen: object) -> AsyncIterator[UploadServer]:
    settings = make_settings(**chosen)
    budget = ByteBudget(
        settings.upload_budget,
        share=settings.upload_share,
        user_share=settings.upload_user_share,
        wait=settings.upload_wait,
    )
    runner = GatewayRunner(make_app(settings, budget), settings)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = runner.server
    assert isinstance(server, GatewayServer)
    try:
        yield UploadServer(int(runner.addresses[0][1]), budget, server)
    finally:
        await runner.cleanup()
