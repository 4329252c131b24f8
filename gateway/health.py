"""Health of the service, for load balancers, operators and clients of the older API."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from domain.paths import HEALTH
from events.envelope import format_time

Check = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRoutes:
    """Answer health; each check returns at least `status`."""

    database_health: Check
    broker_health: Callable[[], Mapping[str, Any]]
    version: str
    clock: Callable[[], datetime]

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.about),
            web.get("/health", self.health),
            web.get(HEALTH, self.health),
            web.get(f"{HEALTH}/database", self.database_only),
        ]

    async def about(self, _: web.Request) -> web.Response:
        """Answer name, version and the paths of health and OpenAPI document."""
        paths = {"health": "/health", "openapi": "/openapi.json"}
        return web.json_response({"service": "exemplar", "version": self.version, **paths})

    async def health(self, _: web.Request) -> web.Response:
        """Answer 200 while requests can be recorded, else 503; a broker that is down only delays work."""
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

    async def database_only(self, _: web.Request) -> web.Response:
        database = await self.database_health()
        body = {**database, "timestamp": format_time(self.clock())}
        return web.json_response(body, status=200 if database["status"] == "healthy" else 503)
