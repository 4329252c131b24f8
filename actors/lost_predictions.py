"""The paid calls that a restored log does not know: made after the moment to which it was restored.

The same generation may ask for its picture again: it was restored in a state before its call, or a client repeats its
Idempotency-Key. Its prediction is found in the provider's list by its signed callback address.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from actors.callback_urls import CallbackUrls
from actors.jobs.claim_search import CLOCK_SKEW
from actors.providers.provider import ListTooLongError, Provider
from domain.generation.prediction import Prediction
from store.backup.restoration import Restoration, Restorations

_REMEMBERED: Final = timedelta(days=1)
"""For how long after a restoration requests are repeated."""
_SHORTEST: Final = timedelta(minutes=1)

log = structlog.get_logger()


@dataclass(eq=False, slots=True, kw_only=True)
class LostPredictions:
    """Find predictions of the time that a restoration has lost; they are listed once by each process."""

    restorations: Restorations
    provider: Provider
    callback_urls: CallbackUrls
    clock: Callable[[], datetime]
    _found: dict[str, Prediction] | None = field(default=None, init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def find(self, generation: str) -> Prediction | None:
        """Find the prediction of a generation; raises ProviderUnavailableError while the list is not known."""
        if self._found is None:
            async with self._reading:
                if self._found is None:  # still, after waiting for another call
                    self._found = await self._read()
        return self._found.get(generation)

    async def _read(self) -> dict[str, Prediction]:
        restoration = await self.restorations.last()
        if restoration is None or self.clock() >= restoration.at + _REMEMBERED:
            return {}
        listed = await self._list(restoration.moment - CLOCK_SKEW, restoration.at + CLOCK_SKEW)
        called = [(self.callback_urls.read(one.webhook), one) for one in sorted(listed, key=_worth) if one.webhook]
        found = {callback.generation: one for callback, one in called if callback is not None}
        log.warning("restored_log", lost_predictions=len(found), **_span(restoration))
        return found

    async def _list(self, since: datetime, until: datetime) -> Sequence[Prediction]:
        """List the predictions of a time, in halves where they are too many for one list."""
        try:
            listed = await self.provider.list_since(since, until=until)
        except ListTooLongError:
            if until - since < _SHORTEST:
                raise
            middle = since + (until - since) / 2
            return [*await self._list(since, middle), *await self._list(middle, until)]
        return [one for one in listed if one.webhook]


def _worth(prediction: Prediction) -> tuple[bool, datetime]:
    """Order the predictions of a generation: the last has a picture, or may get one, and is the newest such."""
    return prediction.outcome in (None, "succeeded"), prediction.created_at or datetime.min.replace(tzinfo=UTC)


def _span(restoration: Restoration) -> dict[str, str]:
    return {"moment": restoration.moment.isoformat(), "restored_at": restoration.at.isoformat()}
