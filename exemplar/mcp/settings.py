"""Settings of `exemplar mcp`."""

from pydantic import Field, SecretStr

from store.settings import EnvironmentSettings


class McpSettings(EnvironmentSettings):
    """Which service the tools call, and for whom."""

    url: str = Field("http://127.0.0.1:8000", description="Address of the gateway that `exemplar mcp` calls")
    access_key: SecretStr | None = Field(
        None, description="Access key (ek_...) of the end user for whom `exemplar mcp` acts"
    )
