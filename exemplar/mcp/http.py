"""The tools over streamable HTTP, as an ASGI application for the gateway.

Each tool calls the gateway at the address where the message arrived, with the headers that authenticated it.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from mcp.server.mcpserver import Context
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request

from exemplar.mcp.tools import create_server
from exemplar_client import AsyncClient, GivenHeaders
from gateway.mcp.routes import MAX_BODY

_PASSED: Final = (
    *("authorization", "x-user-role", "x-developer-key", "x-project-id", "x-api-key"),
    *("host", "x-request-id", "traceparent"),
)


@asynccontextmanager
async def serving(version: str) -> AsyncIterator[Any]:
    """Serve without sessions, so that any process may answer any message; yields the ASGI application."""
    server = create_server(client_of, version=version, local_files=False)
    application = server.streamable_http_app(stateless_http=True, max_request_body_size=MAX_BODY, host="")
    manager: StreamableHTTPSessionManager = server.session_manager
    del application  # its routes and middleware are the gateway's own
    async with manager.run():
        yield manager.handle_request


@asynccontextmanager
async def client_of(ctx: Context[Any, Any]) -> AsyncIterator[AsyncClient]:
    """Open the client of the caller."""
    request: Request | None = ctx.request_context.request
    if request is None:
        raise RuntimeError("the message did not arrive over HTTP")
    async with AsyncClient(base_url(request.scope), passed_headers(request.headers)) as client:
        yield client


def base_url(scope: Mapping[str, Any]) -> str:
    """Return the gateway's own address; IPv6 is written in brackets."""
    host, port = scope["server"]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def passed_headers(headers: Mapping[str, str]) -> GivenHeaders:
    """Take the credentials of a request, its host, of which links are made, and its ids."""
    return GivenHeaders({name: headers[name] for name in _PASSED if name in headers})
