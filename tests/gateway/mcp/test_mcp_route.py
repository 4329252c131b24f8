"""`POST /mcp` on a gateway: as many messages at once as streams, and a code where MCP is not installed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from starlette.responses import PlainTextResponse

from domain.paths import MCP
from exemplar.gateway_wiring import create_gateway
from gateway.events.settings import StreamSettings
from gateway.mcp.asgi import AsgiApp
from tests.systems.gateway import gateway_dependencies
from tests.systems.gateway_harness import GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def served(gateway: GatewayHarness, **given: Any) -> AsyncIterator["TestClient[web.Request, web.Application]"]:
    """Serve another gateway on the same store."""
    dependencies = gateway_dependencies(gateway.store, gateway.clock, **given)
    async with TestClient(TestServer(create_gateway(dependencies))) as client:
        yield client


async def post(client: "TestClient[web.Request, web.Application]", person: Person) -> tuple[int, str]:
    async with client.post(MCP, json={}, headers=person.token) as answer:
        return answer.status, await answer.text()


async def test_an_account_has_so_many_messages_under_way_and_no_more(gateway: GatewayHarness) -> None:
    person, other = await gateway.person(), await gateway.person()
    begun, answered = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await answered.wait()
        await PlainTextResponse("done")(scope, receive, send)

    @asynccontextmanager
    async def opened() -> AsyncIterator[AsgiApp]:
        yield slow

    async with served(gateway, open_mcp=opened, stream_settings=StreamSettings(per_holder=1)) as client:
        first = asyncio.create_task(post(client, person))
        await begun.wait()
        async with asyncio.timeout(30):
            status, body = await post(client, person)
        assert (status, "stream_limit_exceeded" in body) == (429, True)
        answered.set()
        assert await post(client, other) == (200, "done")
        assert await first == (200, "done")
        assert await post(client, person) == (200, "done")


async def test_a_server_without_the_extra_says_so(gateway: GatewayHarness) -> None:
    async with served(gateway, open_mcp=None) as client:
        status, body = await post(client, await gateway.person())
        assert (status, "mcp_not_installed" in body) == (404, True)
