"""The target of one process for Prometheus: an HTTP server in a thread of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
from prometheus_client import start_http_server

from exemplar.environment import ConfigurationError
from exemplar.metrics.catalogue import LOOP_LAG, METRICS, PROCESS
from exemplar.metrics.prometheus import PrometheusMetrics
from exemplar.metrics.settings import MetricsSettings
from metrics.metrics import NO_METRICS, Metrics

_LAG_EVERY: Final = 0.5

log = structlog.get_logger()


@asynccontextmanager
async def open_metrics(
    metrics_settings: MetricsSettings, process_name: str, process_number: int = 1
) -> AsyncIterator[Metrics]:
    """Serve the metrics of this process, on the port of its number, from 1; without a port measure nothing.

    A thread answers, so that a busy event loop can be seen. Raises ConfigurationError for a port that is taken.
    """
    if metrics_settings.metrics_port is None:
        yield NO_METRICS
        return
    metrics = PrometheusMetrics(METRICS)
    metrics.watch(PROCESS, lambda: 1, process_name)
    host, port = metrics_settings.metrics_host, metrics_settings.metrics_port + process_number - 1
    try:
        server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    except OSError as error:
        raise ConfigurationError(f"EXEMPLAR_METRICS_PORT {port} cannot be opened: {error.strerror}") from error
    log.info("metrics_served", host=host, port=port)
    measuring = asyncio.create_task(_measure_lag(metrics), name="event_loop_lag")
    try:
        yield metrics
    finally:
        measuring.cancel()
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join(timeout=1)


async def _measure_lag(metrics: Metrics) -> None:
    now = asyncio.get_running_loop().time
    while True:
        due = now() + _LAG_EVERY
        await asyncio.sleep(_LAG_EVERY)
        metrics.observe(LOOP_LAG, max(now() - due, 0.0))
