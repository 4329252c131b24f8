"""The application that speaks MCP, opened at the first request: most gateways never need what it imports."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from gateway.mcp.asgi import AsgiApp

OpenMcp = Callable[[], AbstractAsyncContextManager[AsgiApp]]


class McpApplication:
    """Opens the application and closes it, in one task, when the gateway stops; None where MCP is not installed."""

    def __init__(self, open_mcp: OpenMcp | None) -> None:
        self._open_mcp = open_mcp
        self._opened: asyncio.Future[AsgiApp] | None = None
        self._serving: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    def install(self, app: web.Application) -> None:
        """Close it at the shutdown of an application, before connections are closed."""
        app.on_shutdown.append(self._stop)

    async def opened(self) -> AsgiApp | None:
        """Return the application, which is opened once."""
        if self._open_mcp is None:
            return None
        if self._opened is None:
            self._opened = asyncio.get_running_loop().create_future()
            self._serving = asyncio.create_task(self._serve(self._open_mcp, self._opened), name="mcp")
        return await asyncio.shield(self._opened)

    async def _serve(self, open_mcp: OpenMcp, opened: "asyncio.Future[AsgiApp]") -> None:
        try:
            async with open_mcp() as application:
                opened.set_result(application)
                await self._stopped.wait()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)
            self._opened = None

    async def _stop(self, _: web.Application) -> None:
        self._stopped.set()
        if self._serving is not None:
            await asyncio.wait([self._serving])
