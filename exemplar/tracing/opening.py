"""The tracer of a process: the one that traces nothing, unless a collector is named."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from exemplar.environment import ConfigurationError
from exemplar.tracing.settings import TracingSettings
from store.tracing import NO_TRACER, Tracer

log = structlog.get_logger()


@asynccontextmanager
async def open_tracer(tracing_settings: TracingSettings, process_name: str, version: str) -> AsyncIterator[Tracer]:
    """Export spans until the end of the block, then what is left of them; ConfigurationError without the library."""
    if tracing_settings.url is None:
        yield NO_TRACER
        return
    try:
        from exemplar.tracing.open_telemetry import OpenTelemetryTracer  # noqa: PLC0415 - only where it is used
    except ImportError as error:
        told = f"traces are to go to {tracing_settings.url}, and the extra `tracing` is not installed"
        raise ConfigurationError(f"{told}: pip install 'exemplar[tracing]', or set OTEL_SDK_DISABLED=true") from error
    tracer = OpenTelemetryTracer(tracing_settings, process_name=process_name, version=version)
    log.info("tracing", ratio=tracing_settings.ratio)
    try:
        yield tracer
    finally:
        await asyncio.to_thread(tracer.close)
