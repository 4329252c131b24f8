"""An application on a port of this machine, as the gateway's process serves it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from gateway.http.server import GatewayRunner
from gateway.settings import GatewaySettings


@asynccontextmanager
async def listening(app: web.Application, settings: GatewaySettings) -> AsyncIterator[int]:
    """Serve until the end of the block; give the port."""
    runner = GatewayRunner(app, settings)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
