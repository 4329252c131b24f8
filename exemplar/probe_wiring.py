"""What each process needs to live and to be ready, and the internal server that says so."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from actors.jobs.scheduler import Scheduler
from actors.providers.provider import Provider
from domain.health import Part, Phase, broker_part, database_part, progress_part, provider_part
from exemplar.environment import ConfigurationError
from gateway.internal.probes import ProbeRoutes, Probes
from gateway.internal.server import InternalServer
from gateway.openapi.operation import route_table
from store.mongo.health import DatabaseHealth

Check = Callable[[], Awaitable[Part]]

LIVE: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway": (),
    "worker": ("handlers_check",),
    "scheduler": ("jobs_check",),
    "solo": ("handlers_check", "jobs_check"),
}
"""Beside an event loop that answers: what a restart mends."""

READY: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway": ("database_check",),
    "worker": ("database_check", "broker_check", "provider_check"),
    "scheduler": ("database_check", "provider_check"),
    "solo": ("database_check", "broker_check", "provider_check"),
}
"""What each process cannot work without. A gateway records requests while RabbitMQ and provider are away, and the
scheduler calls handlers by itself: for them that only delays work."""


def _database_check(database_health: DatabaseHealth) -> Check:
    async def check() -> Part:
        return database_part((await database_health())["error"])

    return check


def _broker_check(consumer: Any) -> Check:
    async def check() -> Part:
        return broker_part(consuming=consumer.consuming)

    return check


def _handlers_check(consumer: Any) -> Check:
    async def check() -> Part:
        return progress_part("handlers", consumer.longest_running())

    return check


def _jobs_check(scheduler: Scheduler) -> Check:
    async def check() -> Part:
        return progress_part("jobs", scheduler.silent_for())

    return check


def _provider_check(provider: Provider) -> Check:
    async def check() -> Part:
        return provider_part(accepted=provider.token_accepted)

    return check


def _internal_routes(probe_routes: ProbeRoutes) -> Sequence[Any]:
    return route_table(probe_routes)


PROBES: Mapping[str, Callable[..., Any]] = {
    "broker_check": _broker_check,
    "database_check": _database_check,
    "handlers_check": _handlers_check,
    "internal_routes": _internal_routes,
    "jobs_check": _jobs_check,
    "live_checks": lambda process_name: LIVE[process_name],
    "process_name": lambda: "gateway",
    "process_number": lambda: 1,
    "provider_check": _provider_check,
    "ready_checks": lambda process_name: READY[process_name],
}


@asynccontextmanager
async def open_probes(bind: Callable[..., Any]) -> AsyncIterator[Probes]:
    """Judge a process that starts; it says itself when it runs (`Probes.running`)."""
    probes: Probes = bind(Probes)()
    probes.phase = Phase.STARTING
    yield probes


@asynccontextmanager
async def open_internal_server(bind: Callable[..., Any]) -> AsyncIterator[InternalServer]:
    """Open the internal server; ConfigurationError when its port is taken."""
    server: InternalServer = bind(InternalServer)()
    try:
        await server.start()
    except OSError as error:
        raise ConfigurationError(f"EXEMPLAR_METRICS_PORT {server.port} cannot be opened: {error.strerror}") from error
    try:
        yield server
    finally:
        await server.close()
