from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, NonNegativeInt, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from domain.accounts.tiers import Bound
from domain.audit.kept_content import Retention


class EnvironmentSettings(BaseSettings):
    """Settings from the environment: foreign variables are ignored, empty ones count as unset."""

    model_config = SettingsConfigDict(env_prefix="EXEMPLAR_", frozen=True, extra="ignore", env_ignore_empty=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Name the sources: no file is one, and the two that would look for files take as long as these."""
        return init_settings, env_settings


class StoreSettings(EnvironmentSettings):
    """The address of MongoDB and the limits of its connections."""

    mongodb_url: SecretStr = Field(
        description="MongoDB replica set, with the database in its path: mongodb://host:27017/exemplar"
    )
    mongodb_timeout_ms: int = Field(
        5000, ge=100, description="Timeout of finding a server and of a connection, milliseconds"
    )
    mongodb_pool: int = Field(50, ge=1, description="Connections per process")
    mongodb_driver: Literal["motor", "pymongo"] = Field("motor", description="Client library; pymongo: PyMongo Async")
    blob_store: Literal["mongodb", "s3"] = Field(
        "mongodb", description="Where new pictures are stored; s3: in the bucket EXEMPLAR_S3_BUCKET"
    )

    @property
    def of_reader(self) -> Self:
        """Those of a process that reads the whole log: Motor's threads take a tenth of its time."""
        return self.model_copy(update={"mongodb_driver": "pymongo"})


class PriceSettings(EnvironmentSettings):
    """The price of compute time, recorded with each prediction."""

    usd_per_second: float = Field(0.000975, ge=0, description="Price of one second of prediction, US dollars")


class RetentionSettings(EnvironmentSettings):
    """How long pictures and personal data are kept."""

    keep_pictures_days: int = Field(90, ge=1, description="Days that result pictures are kept")
    keep_examples_days: int = Field(30, ge=1, description="Days that example pictures are kept")
    keep_personal_data_days: int | None = Field(
        None,
        ge=1,
        description="Days after its end that instructions, metadata, file names and webhook URL of a generation are "
        "kept; empty: until it is deleted",
    )

    @property
    def retention(self) -> Retention:
        """The settings as durations."""
        days = self.keep_personal_data_days
        return Retention(
            results=timedelta(days=self.keep_pictures_days),
            examples=timedelta(days=self.keep_examples_days),
            personal_data=None if days is None else timedelta(days=days),
        )


class TierSettings(EnvironmentSettings):
    """Other limits of the tiers, or further tiers."""

    tiers: dict[str, dict[Bound, NonNegativeInt | None]] = Field(
        default={},
        description='Tier limits that differ, as JSON: {"free_starter": {"monthly": 50}}; null is unlimited',
    )
