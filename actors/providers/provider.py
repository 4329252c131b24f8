"""The port of a provider that runs the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from actors.providers.provider_clock import ProviderClock
from domain.generation.prediction import Prediction


@dataclass(frozen=True, slots=True)
class Created:
    """The provider made a prediction."""

    prediction: Prediction


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider certainly made nothing; `retry_at` None means that a retry is useless."""

    code: str
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It is unknown whether a prediction was made: it is looked for, and never created again blindly."""

    reason: str


class ProviderUnavailableError(Exception):
    """The provider gave no usable answer to a request that costs nothing; retry later."""

    holds_no_data = True


class ListTooLongError(ProviderUnavailableError):
    """There are too many predictions in the period of a list; a shorter or another period may be listed."""


class Provider(Protocol):
    """The model as a service. `create` costs money; every other call may be repeated."""

    @property
    def name(self) -> str:
        """The name of the provider in its callback URL."""
        ...

    @property
    def time(self) -> ProviderClock:
        """The provider's clock."""
        ...

    @property
    def create_seconds(self) -> float:
        """The time-out of `create`."""
        ...

    def read_prediction(self, body: object) -> Prediction | None:
        """Read the JSON body of a callback; None when it is no prediction."""
        ...

    async def paused_until(self) -> datetime | None:
        """Return until when `create` calls nobody, because the provider refuses or cannot be reached; None: it does."""
        ...

    @property
    def token_accepted(self) -> bool | None:
        """Tell what the provider said last about the token of this process; None before it said anything."""
        ...

    async def check_token(self) -> None:
        """Ask about the token, by a request that costs nothing. Raises ProviderUnavailableError."""
        ...

    async def create(self, model_input: Mapping[str, Any], *, webhook: str | None) -> Created | Refused | Unknown: ...

    async def get(self, prediction: str) -> Prediction | None:
        """Fetch a prediction; None when the provider does not know it. Raises ProviderUnavailableError."""
        ...

    async def list_since(self, moment: datetime, *, until: datetime | None = None) -> Sequence[Prediction]:
        """List predictions created since a moment of the provider's clock, newest first.

        Raises ListTooLongError, ProviderUnavailableError.
        """
        ...

    async def cancel(self, prediction: str) -> None:
        """End a prediction if it still runs; repeatable. Raises ProviderUnavailableError."""
        ...

    async def webhook_secret(self) -> str:
        """Read the secret that signs the provider's webhooks. Raises ProviderUnavailableError."""
        ...

    async def download(self, url: str) -> bytes:
        """Fetch an output. Raises OutputGoneError, OutputRefusedError, ProviderUnavailableError."""
        ...


class OutputGoneError(Exception):
    """There is no output at the address, or not any more."""

    holds_no_data = True


class OutputRefusedError(Exception):
    """The output is not accepted: a foreign host, too large, a redirect."""

    holds_no_data = True
