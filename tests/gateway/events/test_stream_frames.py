"""What an open stream keeps of its request while it waits."""

import asyncio
from collections.abc import Iterator
from typing import Any

from aiohttp import ClientSession

from tests.gateway.events.gateway_system import BEFORE_COMPLETION, PATH, EndUser, Gateway, GatewaySystem
from tests.gateway.events.sse_client import opened

HANDLERS = ("Application._handle", "GenerationEventRoutes.read")


def running() -> Iterator[str]:
    """The names of all coroutines that tasks wait in."""
    for task in asyncio.all_tasks():
        coroutine: Any = task.get_coro()
        while (code := getattr(coroutine, "cr_code", None)) is not None:
            yield code.co_qualname
            coroutine = coroutine.cr_await


async def test_an_open_stream_keeps_no_frame_of_its_handler_and_the_middlewares(
    system: GatewaySystem, gateway: Gateway, user: EndUser, session: ClientSession
) -> None:
    generation = await system.start_generation(user)
    async with opened(session, f"{gateway.url}{PATH}/{generation}/events", user.bearer) as stream:
        await stream.until("caught_up")
        names = list(running())
        assert "Connections.run" in names
        assert not [name for name in names if name.endswith("middleware") or name in HANDLERS]
        await system.append_all(generation, BEFORE_COMPLETION[:1])
        assert await stream.until("generation.validated")


async def test_a_connection_serves_another_stream_after_one_that_has_ended(
    system: GatewaySystem, gateway: Gateway, user: EndUser
) -> None:
    ports = set()
    async with ClientSession() as session:
        for _ in range(3):
            generation = await system.start_generation(user)
            async with opened(session, f"{gateway.url}{PATH}/{generation}/events", user.bearer) as stream:
                await stream.until("caught_up")
                assert stream.response.connection is not None
                assert stream.response.connection.transport is not None
                ports.add(stream.response.connection.transport.get_extra_info("sockname")[1])
                await system.append_all(generation)
                assert await stream.rest()
    assert len(ports) == 1
