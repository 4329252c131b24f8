from datetime import timedelta

from pydantic import Field, SecretStr

from domain.generation.lifecycle import Timeouts
from domain.submission.composition import Composition
from store.settings import EnvironmentSettings


class TimeoutSettings(EnvironmentSettings):
    """How long things may rest before the log drives them again, and the deadlines of a generation."""

    redelivery_seconds: float = Field(
        5.0, gt=0, description="Rest between two actors before the log drives again"
    )
    claim_seconds: float = Field(10.0, gt=0, description="How long an intention to call the model is good")
    lost_after_seconds: float = Field(
        120.0, gt=0, description="Look this long for a prediction of unknown fate before it counts as lost"
    )
    start_minutes: float = Field(10.0, gt=0, description="Deadline to start, minutes after the request")
    finish_minutes: float = Field(35.0, gt=0, description="Deadline to finish, minutes after the request")

    @property
    def timeouts(self) -> Timeouts:
        """The same as the rules want it."""
        return Timeouts(
            redelivery=timedelta(seconds=self.redelivery_seconds),
            claim=timedelta(seconds=self.claim_seconds),
            to_start=timedelta(minutes=self.start_minutes),
            in_all=timedelta(minutes=self.finish_minutes),
        )


class ActorSettings(EnvironmentSettings):
    """How the actors reach the world, and how long pictures are kept."""

    public_url: str | None = Field(
        None, description="Base of every absolute link and of the provider's callback; without it we poll"
    )
    callback_secret: SecretStr = Field(
        min_length=32, description="Signs the provider's callback addresses, at least 32 characters"
    )
    composition: Composition = Field("blend", description="How several examples become SDXL's one image")
    keep_pictures_days: int = Field(90, ge=1, description="Result pictures are kept this long, days")
    keep_examples_days: int = Field(30, ge=1, description="Example pictures are kept this long, days")
    keep_deleted_projects_days: int = Field(
        30,
        ge=0,
        description="What a deleted project leaves, its users and theirs, is erased after this, days",
    )

    @property
    def callback_key(self) -> bytes:
        """The callback secret as the key of an HMAC."""
        return self.callback_secret.get_secret_value().encode()
