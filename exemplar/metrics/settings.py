from pydantic import Field

from store.settings import EnvironmentSettings


class MetricsSettings(EnvironmentSettings):
    """Where each process tells its metrics."""

    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65_000,
        description="Port of the metrics of a process for Prometheus (GET /metrics), of its own, without "
        "authentication; the processes of --processes N take this one and the next N-1; empty: none",
    )
    metrics_host: str = Field("127.0.0.1", description="Address of this port; let only Prometheus reach it")
