from pydantic import Field

from store.settings import EnvironmentSettings


class InternalSettings(EnvironmentSettings):
    """The address of the internal HTTP server of a process."""

    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="Port of /metrics, /health/live and /health/ready of this process, not for clients; the second of "
        "several processes takes the next one; empty: none",
    )
    metrics_host: str = Field("127.0.0.1", description="Address on which EXEMPLAR_METRICS_PORT listens")

    def port_of(self, process_number: int) -> int | None:
        """Return the port of the n-th process of a group, from 1; None: it listens nowhere."""
        return None if self.metrics_port is None else self.metrics_port + process_number - 1
