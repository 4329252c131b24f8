"""The model's port: what the hands need of a provider that makes pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.generation.prediction import Prediction


@dataclass(frozen=True, slots=True)
class Created:
    """The provider made a prediction."""

    prediction: Prediction


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider certainly made nothing; `retry_at` None means that asking again is in vain."""

    code: str
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell whether a prediction was made: it is looked for, never asked for again blindly."""

    reason: str


class ProviderUnavailableError(Exception):
    """The provider gave no usable answer to a question that costs nothing; ask later."""


class Provider(Protocol):
    """Create costs money; everything else may be repeated."""

    @property
    def name(self) -> str:
        """The name of the provider in its callback URL."""
        ...

    async def create(
        self, model_input: Mapping[str, Any], *, webhook: str | None
    ) -> Created | Refused | Unknown: ...

    async def get(self, prediction: str) -> Prediction | None:
        """Fetch a prediction; None when the provider does not know it. Raises ModelUnavailableError."""
        ...

    async def list_since(self, moment: datetime) -> Sequence[Prediction]:
        """List predictions created since a moment, newest first. Raises ModelUnavailableError."""
        ...

    async def cancel(self, prediction: str) -> None:
        """End a prediction if it still runs; repeatable. Raises ModelUnavailableError."""
        ...

    async def webhook_secret(self) -> str:
        """Read the secret that signs the provider's webhooks. Raises ModelUnavailableError."""
        ...

    async def download(self, url: str) -> bytes:
        """Fetch an output. Raises OutputGoneError, OutputRefusedError, ModelUnavailableError."""
        ...


class OutputGoneError(Exception):
    """The output's address answers that there is nothing (any more)."""


class OutputRefusedError(Exception):
    """The output is not one that we take: a foreign host, too large, a redirect, not a picture."""
