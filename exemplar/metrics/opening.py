import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from exemplar.metrics.catalogue import LOOP_LAG, METRICS, PROCESS
from exemplar.metrics.prometheus import PrometheusMetrics
from exemplar.metrics.settings import MetricsSettings
from metrics.metrics import NO_METRICS, Metrics

_LAG_EVERY: Final = 0.5


@asynccontextmanager
async def open_metrics(metrics_settings: MetricsSettings, process_name: str) -> AsyncIterator[Metrics]:
    """Measure this process, if it has a port to tell it on."""
    if metrics_settings.metrics_port is None:
        yield NO_METRICS
        return
    metrics = PrometheusMetrics(METRICS)
    metrics.watch(PROCESS, lambda: 1, process_name)
    measuring = asyncio.create_task(_measure_lag(metrics), name="event_loop_lag")
    try:
        yield metrics
    finally:
        measuring.cancel()


async def _measure_lag(metrics: Metrics) -> None:
    now = asyncio.get_running_loop().time
    while True:
        due = now() + _LAG_EVERY
        await asyncio.sleep(_LAG_EVERY)
        metrics.observe(LOOP_LAG, max(now() - due, 0.0))
