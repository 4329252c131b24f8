"""The log line of a refused request, which holds no secret and no personal data."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.contextvars import get_contextvars

from domain.errors import ErrorCode, ExemplarError
from gateway.app import create_app
from gateway.settings import GatewaySettings
from tests.gateway.listening import listening
from tests.systems.waiting import until

SECRET = "s" * 32
TICKET = "ticket-that-is-secret"
BODY = "body-that-is-secret"
TOKEN = "token-that-is-secret"
GENERATION = "0193f5e0-0000-7000-8000-000000000001"
Client = TestClient[web.Request, web.Application]


async def refuse(request: web.Request) -> web.Response:
    await request.read()
    raise ExemplarError(ErrorCode(request.match_info["code"]))


async def fail(_: web.Request) -> web.Response:
    raise RuntimeError("a bug")


async def lose(_: web.Request) -> web.Response:
    raise ConnectionResetError("a server of ours is gone")


async def bound(_: web.Request) -> web.Response:
    return web.json_response(get_contextvars())


async def bind(_: web.Request) -> web.Response:
    structlog.contextvars.bind_contextvars(bound_by="the first request")
    return web.json_response({})


TABLE = (
    web.post("/refused/{code}", refuse),
    web.get("/failing", fail),
    web.get("/losing", lose),
    web.get("/bound", bound),
    web.get("/bound/{generation_id}", bound),
    web.get("/bind", bind),
)


def settings() -> GatewaySettings:
    return GatewaySettings.model_validate({"jwt_secret": SECRET, "id_secret": SECRET})


@asynccontextmanager
async def open_client() -> AsyncIterator[Client]:
    app = create_app([TABLE], settings())
    async with TestClient(TestServer(app)) as client:
        yield client


async def refused(client: Client, method: str, path: str) -> list[Any]:
    """Send a request full of secrets; return its error lines."""
    processors = [structlog.contextvars.merge_contextvars]
    headers = {"X-Request-ID": "r-1", "Authorization": f"Bearer {TOKEN}"}
    with structlog.testing.capture_logs(processors=processors) as lines:
        await client.request(method, path, params={"ticket": TICKET}, data=BODY, headers=headers)
    assert not [secret for secret in (TICKET, BODY, TOKEN) if secret in str(lines)]
    return [line for line in lines if line["event"] == "request_refused"]


@pytest.mark.parametrize(
    ("method", "path", "route", "status", "code", "level"),
    [
        ("POST", "/refused/invalid_credentials", "/refused/{code}", 401, "invalid_credentials", "info"),
        ("POST", "/refused/store_unavailable", "/refused/{code}", 503, "store_unavailable", "warning"),
        ("GET", "/failing", "/failing", 500, "internal_error", "warning"),
        ("PUT", "/failing", None, 405, "method_not_allowed", "info"),
        ("GET", f"/{BODY}", None, 404, "not_found", "info"),
    ],
)
async def test_a_refused_request_is_logged_in_one_line(
    method: str, path: str, route: str | None, status: int, code: str, level: str
) -> None:
    async with open_client() as client:
        (line,) = await refused(client, method, path)
    expected = {"event": "request_refused", "log_level": level, "request_id": "r-1"}
    assert line == expected | {"method": method, "route": route, "status": status, "code": code}


async def test_a_request_that_is_not_http_is_logged_too() -> None:
    with structlog.testing.capture_logs() as lines:
        async with listening(create_app([TABLE], settings()), settings()) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /bound HTTP/9.9.9\r\n\r\n")
            await reader.read()
            writer.close()
    (line,) = [line for line in lines if line["event"] == "request_refused"]
    assert (line["status"], line["code"], line["route"]) == (400, "invalid_request", None)


BODIES = {
    "none of the body": b"Content-Length: 1000\r\n\r\n",
    "half the body": b"Content-Length: 1000\r\n\r\n" + bytes(500),
    "half a chunk": b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + bytes(100),
}


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("name", BODIES)
async def test_a_client_that_hangs_up_is_no_error_of_the_gateway(name: str, reset: bool) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        async with listening(create_app([TABLE], settings()), settings()) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = b"POST /refused/not_found HTTP/1.1\r\nHost: x\r\nX-Request-ID: r-1\r\nExpect: 100-continue\r\n"
            writer.write(head + BODIES[name])
            await reader.readuntil(b"100 Continue\r\n\r\n")
            if reset:
                connection = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.close()
            await until(lambda: lines, "a line is logged", within=5)
    assert [(line["event"], line["log_level"]) for line in lines] == [("client_disconnected", "info")]
    assert (lines[0]["request_id"], lines[0]["method"]) == ("r-1", "POST")


async def test_a_lost_connection_of_the_gateway_is_an_error() -> None:
    with structlog.testing.capture_logs() as lines:
        async with listening(create_app([TABLE], settings()), settings()) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /losing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
    assert answer.split()[1] == b"500"
    assert "request_failed" in [line["event"] for line in lines]


async def test_log_lines_of_a_request_hold_its_generation_id_alone() -> None:
    async with open_client() as client:
        one = await (await client.get(f"/bound/{GENERATION}", headers={"X-Request-ID": "r-1"})).json()
        none = await (await client.get(f"/bound/{BODY}", headers={"X-Request-ID": "r-2"})).json()
    assert one == {"request_id": "r-1", "generation_id": GENERATION}
    assert none == {"request_id": "r-2"}


async def test_log_context_does_not_leak_into_the_next_request_of_a_connection() -> None:
    connector = aiohttp.TCPConnector(limit=1)
    app = create_app([TABLE], settings())
    async with TestServer(app) as server, aiohttp.ClientSession(connector=connector) as session:
        async with session.get(server.make_url("/bind")) as response:
            assert response.status == 200
        async with session.get(server.make_url("/bound")) as response:
            assert set(await response.json()) == {"request_id"}
