"""The tier limits that an operator configures."""

from pydantic import Field, NonNegativeInt
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.accounts.tiers import Bound


class TierSettings(BaseSettings):
    """Other limits of the tiers, or further tiers."""

    model_config = SettingsConfigDict(
        env_prefix="EXEMPLAR_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    tiers: dict[str, dict[Bound, NonNegativeInt | None]] = Field(
        default={},
        description='Tier limits that differ, as JSON: {"free_starter": {"monthly": 50}}; null is unlimited',
    )
