"""The providers that `EXEMPLAR_PROVIDER` chooses from: one row each."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, NamedTuple

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from actors.providers.measured_provider import MeasuredProvider
from actors.providers.provider import Provider
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from metrics.metrics import NO_METRICS, Metrics
from store.settings import EnvironmentSettings


class ProviderAdapter(NamedTuple):
    """An adapter of the port, and the settings that it names, read only when the adapter is chosen."""

    open: Callable[..., AbstractAsyncContextManager[Provider]]
    settings: tuple[type[BaseSettings], ...]


PROVIDERS: Final[Mapping[str, ProviderAdapter]] = {
    "replicate": ProviderAdapter(ReplicateProvider, (ReplicateSettings,)),
}


class ProviderSettings(EnvironmentSettings):
    """The choice of the provider."""

    provider: str = Field("replicate", description="Provider that runs the model")

    @field_validator("provider")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in PROVIDERS:
            raise ValueError(f"must be one of: {', '.join(PROVIDERS)}")
        return name

    @property
    def adapter(self) -> ProviderAdapter:
        """The row of the chosen provider."""
        return PROVIDERS[self.provider]


@asynccontextmanager
async def open_provider(
    provider_settings: ProviderSettings, bind: Callable[..., Any], metrics: Metrics = NO_METRICS
) -> AsyncIterator[Provider]:
    """Open the chosen provider with the dependencies that it names; its calls are measured where anything is."""
    async with bind(provider_settings.adapter.open)() as provider:
        yield MeasuredProvider(provider, metrics) if metrics.enabled else provider
