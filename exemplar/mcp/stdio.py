"""`exemplar mcp`: the tools on standard input and output, for one end user."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from exemplar.environment import ConfigurationError
from exemplar.mcp.settings import McpSettings
from exemplar_client import AccessKey, AsyncClient


def serve(settings: McpSettings) -> None:
    """Serve until standard input ends; raises ConfigurationError without the package `mcp` or an access key."""
    if find_spec("mcp") is None:
        raise ConfigurationError("exemplar mcp needs the package mcp: pip install exemplar[mcp]")
    if settings.access_key is None:
        raise ConfigurationError("EXEMPLAR_ACCESS_KEY is not set: an access key of the end user, ek_...")
    from exemplar.mcp.tools import create_server  # noqa: PLC0415 - an optional package

    key = AccessKey(settings.access_key.get_secret_value())

    @asynccontextmanager
    async def client_of(_: Any) -> AsyncIterator[AsyncClient]:
        async with AsyncClient(settings.url, key) as client:
            yield client

    create_server(client_of, version=version("exemplar"), local_files=True).run("stdio")
