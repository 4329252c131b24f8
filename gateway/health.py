"""Health of the service, for load balancers, operators and clients of the older API."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from domain.paths import HEALTH
from events.envelope import format_time
from gateway.openapi.operation import get

Check = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRoutes:
    """Answer health; each check returns at least `status`."""

    database_health: Check
    broker_health: Callable[[], Mapping[str, Any]]
    version: str
    clock: Callable[[], datetime]

    @get("/", "public")
    async def about(self, _: web.Request) -> web.Response:
        """Read name and version, and the paths of health and OpenAPI document."""
        paths = {"health": "/health", "openapi": "/openapi.json"}
        return web.json_response({"service": "exemplar", "version": self.version, **paths})

    @get("/health", "public", also={503: "Requests cannot be recorded"}, aliases=(HEALTH,))
    async def health(self, _: web.Request) -> web.Response:
        """Read the health of the service; a broker that is down only delays work."""
        database = await self.database_health()
        healthy = database["status"] == "healthy"
        body = {
            "status": "healthy" if healthy else "unhealthy",
            "database": database,
            "file_storage": {"status": database["status"], "type": "mongodb"},
            "redis": {"status": "not_used"},
            "broker": dict(self.broker_health()),
            "timestamp": format_time(self.clock()),
            "version": self.version,
        }
        return web.json_response(body, status=200 if healthy else 503)

    @get(f"{HEALTH}/database", "public", also={503: "The database cannot be reached"})
    async def database_only(self, _: web.Request) -> web.Response:
        """Read the health of the database."""
        database = await self.database_health()
        body = {**database, "timestamp": format_time(self.clock())}
        return web.json_response(body, status=200 if database["status"] == "healthy" else 503)
