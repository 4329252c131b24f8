from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PriceSettings(BaseSettings):
    """What a second of the model costs us."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    usd_per_second: float = Field(
        0.000975,
        ge=0,
        alias="EXEMPLAR_USD_PER_SECOND",
        description="Price of one second of prediction, US dollars",
    )

    def microusd(self, seconds: float | None) -> int | None:
        """Tell what so many seconds cost, in millionths of a US dollar; None for no known time."""
        return None if seconds is None else round(seconds * self.usd_per_second * 1_000_000)
