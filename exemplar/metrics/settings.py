from pydantic import Field

from store.settings import EnvironmentSettings


class MetricsSettings(EnvironmentSettings):
    """Where each process tells its metrics, and whether it lives and is ready."""

    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65_000,
        description="Port of the metrics and probes of a process (GET /metrics, /health/live, /health/ready), of its "
        "own, without authentication; the processes of --processes N take this one and the next N-1; empty: none",
    )
    metrics_host: str = Field("127.0.0.1", description="Address of this port; let only Prometheus and probes reach it")

    def port_of(self, process_number: int) -> int | None:
        """Return the port of a process by its number in its group, from 1; None: it listens nowhere."""
        return None if self.metrics_port is None else self.metrics_port + process_number - 1
