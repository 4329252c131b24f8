from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from store.settings import EnvironmentSettings

SDXL = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"
"""A public version of stability-ai/sdxl."""


class ReplicateSettings(EnvironmentSettings):
    """The connection to Replicate and its time-outs."""

    model_config = SettingsConfigDict(env_prefix="", populate_by_name=True)

    replicate_api_token: SecretStr = Field(
        min_length=1,
        description="Replicate's API token (r8_...); worker and scheduler try it at their start and every five minutes",
        json_schema_extra={"action": "make one at https://replicate.com/account/api-tokens, or run the sandbox"},
    )
    replicate_base_url: str = Field(
        "https://api.replicate.com", description="Replicate's API, without /v1; the sandbox sets its own"
    )
    replicate_version: str = Field(SDXL, description="Version of stability-ai/sdxl to run: 64 hexadecimal digits")
    create_seconds: float = Field(
        20.0,
        gt=0,
        alias="EXEMPLAR_CREATE_SECONDS",
        description="Timeout of the call that creates a prediction, seconds",
    )
    read_seconds: float = Field(
        20.0,
        gt=0,
        alias="EXEMPLAR_READ_SECONDS",
        description="Timeout of every other call of Replicate, seconds",
    )
    circuit_seconds: float = Field(
        60.0,
        gt=0,
        alias="EXEMPLAR_CIRCUIT_SECONDS",
        description="Pause after Replicate refused the account (401, 402), seconds",
    )
    output_hosts: str = Field(
        "replicate.delivery,*.replicate.delivery",
        alias="EXEMPLAR_OUTPUT_HOSTS",
        description="Hosts, separated by commas, that outputs are downloaded from, beside the API's own",
    )
    output_bytes: int = Field(
        10_485_760,
        ge=1024,
        alias="EXEMPLAR_OUTPUT_BYTES",
        description="Largest output that is accepted, bytes",
    )
