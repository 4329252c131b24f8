"""Measure the gateway of one process: its requests, its open streams and the bytes that transfers hold."""

from functools import partial

from aiohttp import web

from gateway.events.connections import Connections
from gateway.events.settings import StreamSettings
from gateway.http.byte_budget import ByteBudget
from gateway.http.request_metrics import install_request_metrics
from gateway.metrics import BUDGET_FREE, BUDGET_LIMIT, EVENT_STREAMS, EVENT_STREAMS_LIMIT
from metrics.metrics import NO_METRICS, Metrics


def measure_gateway(
    app: web.Application,
    *,
    connections: Connections,
    stream_settings: StreamSettings,
    upload_budget: ByteBudget,
    download_budget: ByteBudget,
    metrics: Metrics = NO_METRICS,
) -> None:
    """Install what measures, if anything is measured."""
    if not metrics.enabled:
        return
    install_request_metrics(app, metrics)
    metrics.watch(EVENT_STREAMS, lambda: connections.taken)
    metrics.watch(EVENT_STREAMS_LIMIT, lambda: stream_settings.per_process)
    for name, budget in (("upload", upload_budget), ("download", download_budget)):
        metrics.watch(BUDGET_FREE, partial(getattr, budget, "free"), name)
        metrics.watch(BUDGET_LIMIT, partial(getattr, budget, "limit"), name)
