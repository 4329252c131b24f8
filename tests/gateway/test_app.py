"""Headers that the application adds to every response."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import create_app
from gateway.settings import GatewaySettings

OURS = "https://studio.example"
SECRET = "s" * 32


@asynccontextmanager
async def gateway(*origins: str) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async def plain(_: web.Request) -> web.Response:
        return web.json_response({})

    async def varied(_: web.Request) -> web.Response:
        return web.json_response({}, headers={"Vary": "Accept"})

    table: Sequence[web.RouteDef] = [web.get("/plain", plain), web.get("/varied", varied)]
    settings = GatewaySettings.model_validate({"jwt_secret": SECRET, "id_secret": SECRET, "cors_origins": origins})
    app = create_app([table], settings)
    async with TestClient(TestServer(app)) as client:
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
