"""Serve an ASGI application, which speaks MCP, at one address of the gateway."""
