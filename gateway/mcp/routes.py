"""`POST /mcp`: the Model Context Protocol over streamable HTTP, for programs that work with language models."""

from contextlib import closing
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from domain.accounts.access_keys import Scope
from domain.errors import ErrorCode, ExemplarError
from domain.paths import MCP
from gateway.auth.authentication import Authenticator
from gateway.events.connections import Connections
from gateway.http.bodies import Body, expect_handler
from gateway.http.byte_budget import ByteBudget, ByteLease
from gateway.mcp.application import McpApplication
from gateway.mcp.asgi import respond
from gateway.openapi.operation import post
from gateway.openapi.values import Free
from gateway.settings import GatewaySettings

MAX_BODY: Final = 16 * 1024 * 1024  # bytes: a picture of 10 MiB as base64, and its message

JSON_RPC: Final = {
    "type": "object",
    "description": "A message of JSON-RPC 2.0",
    "required": ["jsonrpc", "method"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"type": ["string", "integer"]},
        "method": {"type": "string"},
        "params": {"type": "object"},
    },
}

MAX_PARTS: Final = 10_000
"""Members and elements of a message, as far as signs tell; base64 has none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpRoutes:
    """Pass messages of MCP to the application, whose tools call the public API with the caller's credentials."""

    authenticator: Authenticator
    mcp_application: McpApplication
    connections: Connections
    gateway_settings: GatewaySettings
    upload_budget: ByteBudget

    @post(
        MCP,
        "end_user",
        body={"application/json": JSON_RPC},
        answer={"application/json": Free, "text/event-stream": None},
        also={202: "A notification was taken", 406: "Accept names no media type of the protocol"},
        codes=(ErrorCode.MCP_NOT_INSTALLED, ErrorCode.STREAM_LIMIT),
        errors={"application/json": Free},
        expect_handler=expect_handler,
    )
    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Receive a message of the Model Context Protocol (streamable HTTP, without sessions).

        Whoever may read may talk; each tool needs the scope of the operation that it calls. An answer takes as long as
        its tool, so that it counts as an open stream.
        """
        identity = await self.authenticator.authenticate_end_user(request, Scope.READ)
        application = await self.mcp_application.opened()
        if application is None:
            raise ExemplarError(ErrorCode.MCP_NOT_INSTALLED)
        with (
            self.connections.slot(f"mcp {identity.user_id}", identity.developer_id, request),
            closing(ByteLease(self.upload_budget, identity.developer_id, user=identity.user_id)) as lease,
        ):
            return await respond(application, request, await self._read(request, lease))

    async def _read(self, request: web.Request, lease: ByteLease) -> bytes:
        body, chunks = Body(request, self.gateway_settings), list[bytes]()
        while chunk := await body.read():
            if body.received > MAX_BODY:
                raise ExemplarError(ErrorCode.BODY_TOO_LARGE)
            await lease.use(len(chunk))
            chunks.append(chunk)
        return _bounded(b"".join(chunks))


def _bounded(message: bytes) -> bytes:
    """Refuse a message of more parts than any tool takes: parsed, a part takes thirty times the memory."""
    if sum(message.count(sign) for sign in (b",", b"{", b"[")) > MAX_PARTS:
        raise ExemplarError(ErrorCode.BODY_TOO_LARGE)
    return message
