"""A provider whose calls are counted and timed."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from actors.metrics import PROVIDER_CALLS, PROVIDER_REFUSALS, PROVIDER_SECONDS
from actors.providers.provider import Created, OutputGoneError, OutputRefusedError, Provider, Refused, Unknown
from actors.providers.provider_clock import ProviderClock
from domain.generation.prediction import Prediction
from metrics.metrics import Metrics

Answer = TypeVar("Answer")
_ANSWERED = (OutputGoneError, OutputRefusedError)


class MeasuredProvider:
    """The provider port around another provider."""

    def __init__(self, provider: Provider, metrics: Metrics) -> None:
        self._provider, self._metrics = provider, metrics

    @property
    def name(self) -> str:
        return self._provider.name

    @property
    def time(self) -> ProviderClock:
        return self._provider.time

    @property
    def create_seconds(self) -> float:
        return self._provider.create_seconds

    def read_prediction(self, body: object) -> Prediction | None:
        return self._provider.read_prediction(body)

    async def paused_until(self) -> datetime | None:
        return await self._provider.paused_until()

    @property
    def token_accepted(self) -> bool | None:
        return self._provider.token_accepted

    async def check_token(self) -> None:
        await self._timed("account", self._provider.check_token)

    async def create(self, model_input: Mapping[str, Any], *, webhook: str | None) -> Created | Refused | Unknown:
        def outcome_of(answer: Created | Refused | Unknown) -> str:
            match answer:
                case Created():
                    return "succeeded"
                case Refused(code, _):
                    self._metrics.count(PROVIDER_REFUSALS, code)
                    return "refused"
                case Unknown():
                    return "unknown"

        return await self._timed("create", lambda: self._provider.create(model_input, webhook=webhook), outcome_of)

    async def get(self, prediction: str) -> Prediction | None:
        return await self._timed("get", lambda: self._provider.get(prediction))

    async def list_since(self, moment: datetime, *, until: datetime | None = None) -> Sequence[Prediction]:
        return await self._timed("list", lambda: self._provider.list_since(moment, until=until))

    async def cancel(self, prediction: str) -> None:
        await self._timed("cancel", lambda: self._provider.cancel(prediction))

    async def webhook_secret(self) -> str:
        return await self._timed("webhook_secret", self._provider.webhook_secret)

    async def download(self, url: str) -> bytes:
        return await self._timed("download", lambda: self._provider.download(url))

    async def _timed(
        self,
        operation: str,
        call: Callable[[], Awaitable[Answer]],
        outcome_of: Callable[[Answer], str] = lambda _: "succeeded",
    ) -> Answer:
        began, outcome = time.perf_counter(), "failed"
        try:
            answer = await call()
            outcome = outcome_of(answer)
        except _ANSWERED:
            outcome = "refused"
            raise
        finally:
            self._metrics.count(PROVIDER_CALLS, operation, outcome)
            self._metrics.observe(PROVIDER_SECONDS, time.perf_counter() - began, operation)
        return answer
