"""A request of aiohttp is an exchange with an ASGI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse

from gateway.mcp.application import McpApplication
from gateway.mcp.asgi import AsgiApp, respond


@asynccontextmanager
async def served(application: AsgiApp) -> AsyncIterator["TestClient[web.Request, web.Application]"]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await respond(application, request, await request.read())

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_an_application_gets_the_request_and_makes_the_response() -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        body = (await request.body()).decode()
        text = f"{request.method} {request.url.path}?{request.url.query} {request.headers['x-one']} {body}"
        await PlainTextResponse(text, 201, {"X-Two": "2"})(scope, receive, send)

    async with served(echo) as client, client.post("/a%20b?c=d", data=b"text", headers={"X-One": "1"}) as answer:
        assert (answer.status, answer.headers["X-Two"]) == (201, "2")
        assert await answer.text() == "POST /a b?c=d 1 text"


async def test_parts_are_sent_as_they_come_until_the_client_leaves() -> None:
    left = asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        async def parts() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"part\n"
                    await asyncio.sleep(0.01)
            finally:
                left.set()

        await StreamingResponse(parts())(scope, receive, send)

    async with served(endless) as client, ClientSession() as session:
        async with session.get(client.make_url("/")) as answer:
            assert await answer.content.readline() == b"part\n"
        await asyncio.wait_for(left.wait(), 20)


async def test_an_application_is_opened_once_and_closed_at_the_end() -> None:
    calls = list[str]()

    @asynccontextmanager
    async def opening() -> AsyncIterator[AsgiApp]:
        calls.append("open")
        yield respond  # type: ignore[misc]
        calls.append("close")

    application, app = McpApplication(opening), web.Application()
    application.install(app)
    async with TestClient(TestServer(app)):
        first, second = await asyncio.gather(application.opened(), application.opened())
        assert first is second is respond  # type: ignore[comparison-overlap]
    assert calls == ["open", "close"]
    assert await McpApplication(None).opened() is None


async def test_an_application_that_cannot_be_opened_is_tried_again() -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[AsgiApp]:
        raise OSError("no memory")
        yield

    application = McpApplication(broken)
    for _ in range(2):
        with pytest.raises(OSError, match="no memory"):
            await application.opened()
