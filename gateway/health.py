"""Health of the service, for load balancers, operators and clients of the older API.

The older API has parts that this service does not use: RabbitMQ stands in for Redis.
"""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from domain.paths import CONSOLE, HEALTH, OPENAPI
from events.envelope import format_time
from gateway import health_answers as answers
from gateway.openapi.operation import Operation, get

Check = Callable[[], Awaitable[dict[str, Any]]]


def _get(path: str, answer: type, unhealthy: str, **described: Any) -> Operation:
    """Describe a check, which is answered in the same form when it fails."""
    return get(path, "public", answer=answer, also={503: unhealthy}, also_answers={503: answer}, **described)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRoutes:
    """Answer health; each check returns at least `status`."""

    database_health: Check
    storage_health: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
    broker_health: Callable[[], Mapping[str, Any]]
    provider_paused: Callable[[], Awaitable[datetime | None]]
    version: str
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_started", self.monotonic())

    @get("/", "public", answer=answers.About, also={303: "A browser is sent to the console"})
    async def about(self, request: web.Request) -> web.Response:
        """Read name and version, and the paths of health, OpenAPI document and console; browsers see the console."""
        if "text/html" in request.headers.get("Accept", ""):
            raise web.HTTPSeeOther(CONSOLE, headers={"Vary": "Accept"})
        body: answers.About = {
            "service": "exemplar",
            "version": self.version,
            "health": "/health",
            "openapi": OPENAPI,
            "console": CONSOLE,
        }
        return web.json_response(body)

    @_get("/health", answers.ServiceHealth, "Requests cannot be recorded", aliases=(HEALTH,))
    async def health(self, _: web.Request) -> web.Response:
        """Read the health of the service; a broker that is down only delays work."""
        return self._answer(await self._parts())

    @_get(f"{HEALTH}/detailed", answers.DetailedHealth, "Requests cannot be recorded")
    async def detailed(self, _: web.Request) -> web.Response:
        """Read the health of the service, whether the provider is called, and how long this process has run."""
        parts, provider = await asyncio.gather(self._parts(), self._provider())
        uptime = round(self.monotonic() - self._started, 3)
        system = {"uptime_seconds": uptime, "python": platform.python_version()}
        return self._answer({**parts, "provider": provider, "system": system})

    @_get(f"{HEALTH}/database", answers.TimedDatabaseHealth, "The database cannot be reached")
    async def database_only(self, _: web.Request) -> web.Response:
        """Read the health of the database."""
        return self._answer(await self.database_health())

    @_get(f"{HEALTH}/storage", answers.TimedStorageHealth, "The pictures cannot be reached")
    async def storage_only(self, _: web.Request) -> web.Response:
        """Read the health of the store of pictures: an object storage, or the database."""
        return self._answer(_storage(await self.storage_health(await self.database_health())))

    @get(f"{HEALTH}/broker", "public", answer=answers.TimedBrokerHealth)
    async def broker_only(self, _: web.Request) -> web.Response:
        """Read the health of RabbitMQ; without it work is delayed, not lost."""
        return self._answer(_listening(self.broker_health()), always=True)

    @get(f"{HEALTH}/redis", "public", answer=answers.TimedBrokerHealth)
    async def broker_as_redis(self, _: web.Request) -> web.Response:
        """Read the health of RabbitMQ, which stands in for Redis."""
        return self._answer(_listening(self.broker_health()), always=True)

    async def _parts(self) -> dict[str, Any]:
        database = await self.database_health()
        storage = await self.storage_health(database)
        return {
            "status": database["status"] if storage["status"] == "healthy" else "unhealthy",
            "database": database,
            "file_storage": _storage(storage),
            "redis": {"status": "not_used"},
            "broker": dict(self.broker_health()),
            "version": self.version,
            "note": None,
            "error": database["error"] or storage["error"],
        }

    async def _provider(self) -> answers.ProviderHealth:
        return {"status": "healthy" if await self.provider_paused() is None else "degraded"}

    def _answer(self, body: Mapping[str, Any], *, always: bool = False) -> web.Response:
        """Answer 503 for what is not healthy, unless the service works without it."""
        status = 200 if always or body["status"] == "healthy" else 503
        return web.json_response({**body, "timestamp": format_time(self.clock())}, status=status)


def _storage(found: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the store of pictures with all fields that the older API has; what answers takes writes, too."""
    works = found["status"] == "healthy"
    return {
        **found,
        **dict.fromkeys(("path", "url_prefix", "url")),
        **dict.fromkeys(("writable", "accessible"), works),
        **dict.fromkeys(("url_configured", "key_configured"), found["type"] == "s3"),
    }


def _listening(broker: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the broker with all fields that the older API has of Redis."""
    connected = broker["status"] == "healthy"
    return {
        "type": "rabbitmq",
        **broker,
        "listening": connected,
        "subscribers": None,
        "connection_failed": not connected,
        "last_connection_attempt": None,
        "error": None if connected else broker["status"],
    }
