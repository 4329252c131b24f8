"""What each process needs to live and to be ready, and the internal server that says so."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog

from actors.jobs.scheduler import Scheduler
from actors.providers.provider import Provider
from domain.health import LOOP_SECONDS, Part, Phase, broker_part, database_part, loop_part, progress_part, provider_part
from exemplar.environment import ConfigurationError
from exemplar.internal_server import Answer, InternalServer, Pages
from exemplar.metrics.page import metrics_page
from exemplar.metrics.settings import MetricsSettings
from gateway.probes import Probes, bodies_of
from metrics.metrics import NO_METRICS, Metrics
from store.mongo.health import DatabaseHealth

log = structlog.get_logger()

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
        return progress_part("handlers", consumer.progress.stalled_seconds())

    return check


def _jobs_check(scheduler: Scheduler) -> Check:
    async def check() -> Part:
        return progress_part("jobs", scheduler.silent_for())

    return check


def _provider_check(provider: Provider) -> Check:
    async def check() -> Part:
        return provider_part(accepted=provider.token_accepted)

    return check


def _internal_pages(probes: Probes, metrics: Metrics = NO_METRICS) -> Pages:
    pages = {"/health/live": _probe_page(probes.live), "/health/ready": _probe_page(probes.ready)}
    return {**pages, **metrics_page(metrics)}


def _probe_page(probe: Callable[[], Coroutine[Any, Any, Any]]) -> Callable[[], Answer]:
    """Ask a probe on the event loop of this thread; a loop that does nothing any more is a fault of its own."""
    loop = asyncio.get_running_loop()

    def page() -> Answer:
        asked = asyncio.run_coroutine_threadsafe(probe(), loop)
        try:
            body = asked.result(LOOP_SECONDS)
        except TimeoutError:
            asked.cancel()
            body = {"status": "blocked", "parts": bodies_of([loop_part()])}
        status = 200 if body["status"] in ("live", "ready") else 503
        return Answer(status, "application/json", json.dumps(body).encode())

    return page


PROBES: Mapping[str, Callable[..., Any]] = {
    "broker_check": _broker_check,
    "database_check": _database_check,
    "handlers_check": _handlers_check,
    "internal_pages": _internal_pages,
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
async def open_internal_server(
    metrics_settings: MetricsSettings, internal_pages: Pages, process_number: int
) -> AsyncIterator[None]:
    """Serve metrics and probes, if there is a port; ConfigurationError when it is taken."""
    host, port = metrics_settings.metrics_host, metrics_settings.port_of(process_number)
    if port is None:
        yield
        return
    server = InternalServer(host, port, internal_pages)
    try:
        server.start()
    except OSError as error:
        raise ConfigurationError(f"EXEMPLAR_METRICS_PORT {port} cannot be opened: {error.strerror}") from error
    log.info("internal_listening", host=host, port=port)
    try:
        yield
    finally:
        await asyncio.to_thread(server.close)
