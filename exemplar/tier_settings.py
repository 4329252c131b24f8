"""The tier limits that an operator configures."""

from pydantic import Field, NonNegativeInt

from domain.accounts.tiers import Bound
from store.settings import EnvironmentSettings


class TierSettings(EnvironmentSettings):
    """Other limits of the tiers, or further tiers."""

    tiers: dict[str, dict[Bound, NonNegativeInt | None]] = Field(
        default={},
        description='Tier limits that differ, as JSON: {"free_starter": {"monthly": 50}}; null is unlimited',
    )
