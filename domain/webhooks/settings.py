from datetime import timedelta
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _split(value: object) -> object:
    """Take a list from the environment as hosts between commas."""
    if not isinstance(value, str):
        return value
    return tuple(word.lower() for word in map(str.strip, value.split(",")) if word)


class WebhookSettings(BaseSettings):
    """Where webhooks may go and how many are under way."""

    model_config = SettingsConfigDict(
        env_prefix="EXEMPLAR_WEBHOOK_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    allow: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        (),
        description="Hosts, between commas, that webhooks may reach although they are private or plain http",
    )
    timeout_seconds: float = Field(15.0, gt=0, description="Seconds a receiver has to answer, in all")
    at_once: int = Field(256, ge=1, description="Webhook attempts under way in one process")
    at_once_per_project: int = Field(64, ge=1, description="Webhook attempts under way for one project")
    at_once_per_host: int = Field(32, ge=1, description="Webhook attempts under way to one host")
    at_once_per_project_and_host: int = Field(
        16, ge=1, description="Webhook attempts under way for one project to one host"
    )
    at_once_per_slow_host: int = Field(
        2, ge=1, description="Webhook attempts under way to one host that let the last one wait five seconds"
    )
    lease_seconds: float = Field(
        60.0,
        gt=0,
        description="After this many seconds, above the time-out, another makes a killed process's attempt",
    )
    keep_days: int = Field(
        30, ge=7, description="Events older than this, days, are not sent; deliveries are kept twice as long"
    )
    disable_after_days: float = Field(
        5.0, gt=0, description="An endpoint that only fails is disabled after this many days"
    )
    time_scale: float = Field(
        1.0, gt=0, le=1, description="Shortens the pauses between attempts, for trying things out"
    )
    endpoints_per_project: int = Field(20, ge=1, description="Registered webhook endpoints of one project")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.lease_seconds <= self.timeout_seconds:
            raise ValueError(
                "EXEMPLAR_WEBHOOK_LEASE_SECONDS must be above EXEMPLAR_WEBHOOK_TIMEOUT_SECONDS: "
                "others would repeat an attempt that is still under way"
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
        """How long an endpoint may fail without a success in between."""
        return timedelta(days=self.disable_after_days)
