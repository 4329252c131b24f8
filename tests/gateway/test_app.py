"""Headers that the application adds to every response."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from domain.errors import ErrorCode, ExemplarError
from gateway.app import create_app
from gateway.settings import GatewaySettings
from tests.gateway.listening import listening

OURS = "https://studio.example"
SECRET = "s" * 32


def settings_for(*origins: str, **chosen: object) -> GatewaySettings:
    secrets = {"jwt_secret": SECRET, "id_secret": SECRET}
    return GatewaySettings.model_validate({**secrets, "cors_origins": origins, **chosen})


def app_for(settings: GatewaySettings) -> web.Application:
    async def plain(_: web.Request) -> web.Response:
        return web.json_response({})

    async def varied(_: web.Request) -> web.Response:
        return web.json_response({}, headers={"Vary": "Accept"})

    async def take(request: web.Request) -> web.Response:
        return web.json_response({"size": len(await request.read())})

    async def fail(_: web.Request) -> web.Response:
        raise RuntimeError("a bug")

    async def busy(_: web.Request) -> web.Response:
        raise ExemplarError(ErrorCode.SERVER_BUSY)

    table: Sequence[web.RouteDef] = [
        web.get("/plain", plain),
        web.get("/varied", varied),
        web.post("/take", take),
        web.get("/fail", fail),
        web.get("/busy", busy),
    ]
    return create_app([table], settings)


@asynccontextmanager
async def gateway(*origins: str) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with TestClient(TestServer(app_for(settings_for(*origins)))) as client:
        yield client


@pytest.mark.parametrize("origin", [OURS, "https://another.example", None])
async def test_every_response_varies_by_origin_when_origins_are_allowed(origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    async with gateway(OURS) as client:
        answers = [await client.get(path, headers=headers) for path in ("/plain", "/varied", "/nowhere")]
    assert [answer.headers["Vary"] for answer in answers] == ["Origin", "Accept, Origin", "Origin"]
    allowed = {answer.headers.get("Access-Control-Allow-Origin") for answer in answers[:2]}
    assert allowed == ({OURS} if origin == OURS else {None})


async def test_no_response_varies_by_origin_when_none_is_allowed() -> None:
    async with gateway() as client:
        answer = await client.get("/plain", headers={"Origin": OURS})
    assert "Vary" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/plain", 200),
        ("HEAD", "/plain", 200),
        ("GET", "/nowhere", 404),
        ("OPTIONS", "/plain", 405),
        ("DELETE", "/plain", 405),
        ("POST", "/take", 413),
        ("GET", "/fail", 500),
        ("GET", "/busy", 503),
    ],
)
@pytest.mark.parametrize(("allowed", "origin"), [(OURS, OURS), ("*", OURS), ("*", "null")])
async def test_a_page_of_an_allowed_origin_can_read_every_answer(
    method: str, path: str, status: int, allowed: str, origin: str
) -> None:
    body = bytes(3 * 1024 * 1024) if status == 413 else None
    async with gateway(allowed) as client:
        answer = await client.request(method, path, headers={"Origin": origin}, data=body)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, origin)
    assert "Origin" in answer.headers["Vary"]
    exposed = {name.strip().lower() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert {name.lower() for name in answer.headers} <= exposed | ALWAYS_READABLE


ALWAYS_READABLE = {
    "cache-control",
    "content-type",
    "access-control-allow-origin",
    "access-control-expose-headers",
}
ASKED = [
    "authorization,accept,last-event-id",
    "Authorization,Cache-Control",
    "traceparent,tracestate,baggage,sentry-trace",
    "x-requested-with",
    "x-datadog-trace-id, b3, x-a-library-of-next-year",
]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("path", ["/plain", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
async def test_a_preflight_allows_every_method_and_header_for_every_path(path: str, method: str, asked: str) -> None:
    headers = {
        "Origin": OURS,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": asked,
    }
    async with gateway(OURS) as client:
        answer = await client.options(path, headers=headers)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, OURS)
    assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
    allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert {name.strip().lower() for name in asked.split(",")} <= allowed


@pytest.mark.parametrize("origins", [(OURS,), ()])
async def test_a_page_of_another_origin_is_allowed_nothing(origins: Sequence[str]) -> None:
    headers = {"Origin": "https://another.example", "Access-Control-Request-Method": "GET"}
    async with gateway(*origins) as client:
        answers = [await client.options("/plain", headers=headers), await client.get("/plain", headers=headers)]
    assert not [answer for answer in answers if "Access-Control-Allow-Origin" in answer.headers]


@pytest.mark.parametrize("origins", [(OURS,), ()])
@pytest.mark.parametrize(("limit", "status"), [(2, b"400"), (1, b"503")])
@pytest.mark.parametrize("origin", [OURS, ""])
async def test_a_page_can_read_what_never_reached_a_handler(
    origins: Sequence[str], limit: int, status: bytes, origin: str
) -> None:
    settings = settings_for(*origins, max_connections=limit)
    async with listening(app_for(settings), settings) as port:
        _, other = await asyncio.open_connection("127.0.0.1", port)
        head = b"GET /plain HTTP/1.1\r\n" + (b"origin: %b\r\n" % origin.encode() if origin else b"")
        answer = await exchange(port, head + b"X-Long: " + b"y" * 9_000 + b"\r\n\r\n")
        other.close()
    assert answer.split()[1] == status
    allowed = [line for line in answer.splitlines() if line.startswith(b"Access-Control-Allow-Origin: ")]
    seen = origin if status == b"400" and origin else "*"
    assert allowed == ([f"Access-Control-Allow-Origin: {seen}".encode()] if origins else [])


@pytest.mark.parametrize("name", ["Origin", "Access-Control-Request-Headers"])
async def test_header_bytes_that_are_no_text_are_not_echoed(name: str) -> None:
    head = b"OPTIONS /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccess-Control-Request-Method: GET\r\n"
    settings = settings_for("*")
    async with listening(app_for(settings), settings) as port:
        answer = await exchange(port, head + name.encode() + b": x\xff\xfe, y\r\n\r\n")
    assert answer.split()[1] == b"204"
    assert b"\xff" not in answer


async def exchange(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer
