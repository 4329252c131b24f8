"""Opening what serves MCP: its packages are optional, and imported only once they are needed."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec

from gateway.mcp.application import OpenMcp
from gateway.mcp.asgi import AsgiApp


def opener(version: str) -> OpenMcp | None:
    """Return what opens the application of the gateway; None where the package `mcp` is not installed."""
    return partial(_open, version) if find_spec("mcp") is not None else None


@asynccontextmanager
async def _open(version: str) -> AsyncIterator[AsgiApp]:
    """Import in a thread, because that takes a second, and serve."""
    http = await asyncio.to_thread(importlib.import_module, "exemplar.mcp.http")
    async with http.serving(version) as application:
        yield application
