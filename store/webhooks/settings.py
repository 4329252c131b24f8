"""Settings of outgoing webhooks."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from domain.webhooks.master_keys import MasterKeys
from store.settings import EnvironmentSettings


def _split(value: object) -> object:
    """Read hosts separated by commas."""
    if not isinstance(value, str):
        return value
    return tuple(host.lower() for host in map(str.strip, value.split(",")) if host)


class WebhookSettings(EnvironmentSettings):
    """Where webhooks may be sent, how many at once, and for how long."""

    model_config = SettingsConfigDict(env_prefix="EXEMPLAR_WEBHOOK_")

    allow: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        (),
        description="Hosts, separated by commas, that webhooks may reach at private addresses or over http",
    )
    timeout_seconds: float = Field(
        15.0, gt=0, description="Seconds for one attempt, from the look-up of the name to the response"
    )
    at_once: int = Field(256, ge=1, description="Webhook attempts in progress in one process")
    at_once_per_project: int = Field(64, ge=1, description="Webhook attempts in progress for one project")
    at_once_per_user: int = Field(
        48, ge=1, description="Webhook attempts in progress for the generations of one end user"
    )
    at_once_per_host: int = Field(32, ge=1, description="Webhook attempts in progress to one host")
    at_once_per_project_and_host: int = Field(
        16, ge=1, description="Webhook attempts in progress for one project to one host"
    )
    at_once_per_slow_host: int = Field(
        2, ge=1, description="Webhook attempts in progress to one host whose last response took five seconds"
    )
    lease_seconds: float = Field(
        60.0,
        gt=0,
        description="Seconds, above the timeout, after which a killed process's attempt is repeated",
    )
    keep_days: int = Field(
        30,
        ge=7,
        description="Days after which an event is not sent any more; deliveries are kept twice as long",
    )
    disable_after_days: float = Field(
        5.0, gt=0, description="Days without a success after which a failing endpoint is disabled"
    )
    time_scale: float = Field(1.0, gt=0, le=1, description="Factor on the pauses between attempts, for tests")
    endpoints_per_project: int = Field(20, ge=1, description="Registered webhook endpoints of one project")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.lease_seconds <= self.timeout_seconds:
            raise ValueError(
                "EXEMPLAR_WEBHOOK_LEASE_SECONDS must be above EXEMPLAR_WEBHOOK_TIMEOUT_SECONDS: "
                "other processes would repeat an attempt in progress"
            )
        return self

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)

    @property
    def keep(self) -> timedelta:
        return timedelta(days=self.keep_days)

    @property
    def disable_after(self) -> timedelta:
        """The time for which an endpoint may fail without a success in between."""
        return timedelta(days=self.disable_after_days)


class MasterKeySettings(EnvironmentSettings):
    """The keys that webhook secrets are encrypted with."""

    model_config = SettingsConfigDict(env_prefix="EXEMPLAR_WEBHOOK_", hide_input_in_errors=True)

    master_keys: dict[int, SecretStr] = Field(
        description="JSON of keys that webhook secrets are encrypted with, by version: "
        '{"1": "32 bytes or more"}; to rotate add a higher version and keep the old one ten minutes longer'
    )
    master_key_current: int | None = Field(
        None,
        description="Version that encrypts webhook secrets; empty: the highest. "
        "Set it while processes that do not know a new version yet still run",
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        assert self.keys  # noqa: S101 - constructing them validates them
        return self

    @property
    def keys(self) -> MasterKeys:
        """The keys as the rules take them."""
        keys = {version: key.get_secret_value() for version, key in self.master_keys.items()}
        return MasterKeys(keys, self.master_key_current)
