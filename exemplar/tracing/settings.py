from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from store.settings import EnvironmentSettings


class TracingSettings(EnvironmentSettings):
    """Where traces go: the variables that OpenTelemetry names, and how many traces are exported."""

    model_config = SettingsConfigDict(env_prefix="", populate_by_name=True)

    endpoint: str | None = Field(
        None,
        alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Collector of traces, by OTLP over HTTP, without /v1/traces: http://collector:4318; needs the "
        "extra `tracing`; empty: nothing is traced",
    )
    traces_endpoint: str | None = Field(
        None, alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", description="The same as a whole address, used as it is"
    )
    headers: SecretStr | None = Field(
        None,
        alias="OTEL_EXPORTER_OTLP_HEADERS",
        description="Headers for the collector, such as its token: name=value, separated by commas",
    )
    disabled: bool = Field(
        default=False, alias="OTEL_SDK_DISABLED", description="true: trace nothing, whatever else is set"
    )
    ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        alias="EXEMPLAR_TRACES_RATIO",
        description="Share of requests whose traces are exported, 0 to 1; what clients ask for does not count",
    )

    @property
    def url(self) -> str | None:
        """Return the whole address of the collector; None: nothing is traced."""
        if self.disabled:
            return None
        if self.traces_endpoint is not None:
            return self.traces_endpoint
        return None if self.endpoint is None else f"{self.endpoint.rstrip('/')}/v1/traces"
