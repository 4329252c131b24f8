from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr

from domain.generation.lifecycle import Timeouts
from domain.submission.composition import Composition
from store.settings import EnvironmentSettings, RetentionSettings


class TimeoutSettings(EnvironmentSettings):
    """When redelivery and reconciliation begin, and the deadlines of a generation."""

    redelivery_seconds: float = Field(
        5.0, gt=0, description="Seconds without a new event until a generation's last event is redelivered"
    )
    claim_seconds: float = Field(10.0, gt=0, description="Seconds that the claim to call the provider is valid")
    lost_after_seconds: float = Field(
        120.0, gt=0, description="Seconds after which a prediction that cannot be found counts as lost"
    )
    start_minutes: float = Field(10.0, gt=0, description="Minutes after the request by which a generation must start")
    finish_minutes: float = Field(35.0, gt=0, description="Minutes after the request by which a generation must finish")

    @property
    def timeouts(self) -> Timeouts:
        """The settings as durations."""
        return Timeouts(
            redelivery=timedelta(seconds=self.redelivery_seconds),
            claim=timedelta(seconds=self.claim_seconds),
            to_start=timedelta(minutes=self.start_minutes),
            in_all=timedelta(minutes=self.finish_minutes),
        )


class ActorSettings(RetentionSettings):
    """URLs and secrets of the actors, and how long pictures are kept."""

    public_url: str | None = Field(
        None,
        description="Base of every absolute link and of the provider's callback; without: polling",
    )
    callback_secret: SecretStr = Field(
        min_length=32, description="Signs the callback URL given to the provider, at least 32 characters"
    )
    callback_retired_secrets: tuple[Annotated[SecretStr, Field(min_length=32)], ...] = Field(
        (), description="JSON list of former callback secrets: callbacks that are signed with one are accepted"
    )
    composition: Composition = Field("blend", description="How several examples are composed into one image for SDXL")
    keep_deleted_projects_days: int = Field(
        30,
        ge=0,
        description="Days after which a deleted project's users and generations are erased",
    )

    drift_report_hours: int = Field(
        24, ge=0, description="Hours between two comparisons of everything derived with the log; 0: only on demand"
    )

    @property
    def callback_keys(self) -> tuple[bytes, ...]:
        """The callback secrets as keys of an HMAC; the first one signs."""
        secrets = (self.callback_secret, *self.callback_retired_secrets)
        return tuple(secret.get_secret_value().encode() for secret in secrets)
