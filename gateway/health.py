"""Is it well: for people, load balancers and clients of the older API."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from events.envelope import format_time

Check = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRoutes:
    """What the routes need; each check answers with at least `status`."""

    database: Check
    broker: Callable[[], Mapping[str, Any]]
    version: str
    clock: Callable[[], datetime]

    def table(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.get("/", self.about),
            web.get("/health", self.health),
            web.get("/api/v1/health", self.health),
            web.get("/api/v1/health/database", self.database_only),
        ]

    async def about(self, _: web.Request) -> web.Response:
        """Say what this is and where to go on."""
        return web.json_response(
            {
                "service": "exemplar",
                "version": self.version,
                "health": "/health",
                "openapi": "/openapi.json",
            }
        )

    async def health(self, _: web.Request) -> web.Response:
        """Answer 200 while requests can be recorded, else 503; a broker that is down only delays."""
        database = await self.database()
        healthy = database["status"] == "healthy"
        body = {
            "status": "healthy" if healthy else "unhealthy",
            "database": database,
            "file_storage": {"status": database["status"], "type": "mongodb"},
            "redis": {"status": "not_used"},
            "broker": dict(self.broker()),
            "timestamp": format_time(self.clock()),
            "version": self.version,
        }
        return web.json_response(body, status=200 if healthy else 503)

    async def database_only(self, _: web.Request) -> web.Response:
        """Answer how the store is."""
        database = await self.database()
        body = {**database, "timestamp": format_time(self.clock())}
        return web.json_response(body, status=200 if database["status"] == "healthy" else 503)
