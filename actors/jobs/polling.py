from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from structlog.contextvars import bound_contextvars

from actors.jobs.claim_search import CLOCK_SKEW
from actors.jobs.due_pages import DuePages
from actors.jobs.lookups import LookupCounts
from actors.jobs.retry_times import RetryTimes
from actors.providers.provider import Provider, ProviderUnavailableError
from domain.generation.generation import State
from domain.generation.prediction import Prediction, gone_prediction
from events.envelope import Cause
from store.generations.observations import Observations
from store.generations.projection import Row

_LOOKUPS = 3
_FEW = 5
_CAUSE = Cause(actor="actor:reconciliation")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """Read running predictions and record what has changed.

    A prediction that the provider denied to know three times over `lost_after` is recorded as gone.
    """

    provider: Provider
    observations: Observations
    lost_after: timedelta
    monotonic: Callable[[], float]
    _unknown: LookupCounts = field(default_factory=LookupCounts, init=False)

    async def listed(self, rows: Sequence[Row]) -> Mapping[str, Prediction]:
        """List the predictions of many rows in pages; a few rows are read one by one instead."""
        if len(rows) <= _FEW:
            return {}
        since = self.provider.time.bounds(min(row.created_at for row in rows))[0] - CLOCK_SKEW
        try:
            return {prediction.id: prediction for prediction in await self.provider.list_since(since)}
        except ProviderUnavailableError as error:
            log.warning("provider_list_failed", error=error)
            return {}

    async def record(self, row: Row, listed: Mapping[str, Prediction]) -> None:
        """Record a row's prediction as listed, else as read by its id."""
        prediction_id, attempt = row.prediction or "", (row.id, row.attempt)
        asked = self.monotonic()
        prediction = listed.get(prediction_id) or await self.provider.get(prediction_id)
        if prediction is not None:
            self._unknown.forget(attempt)
        elif self._is_gone(attempt, asked):
            log.error("prediction_gone", prediction=prediction_id)
            prediction = gone_prediction(prediction_id)
        if prediction is not None:
            await self.observations.record(row.id, row.attempt, prediction, cause=_CAUSE)

    def _is_gone(self, attempt: tuple[str, int], asked: float) -> bool:
        lookups = self._unknown.add(attempt, asked)
        return lookups.count >= _LOOKUPS and asked - lookups.since >= self.lost_after.total_seconds()


async def poll(
    *, due_pages: DuePages, polling_times: RetryTimes, polling: Polling, monotonic: Callable[[], float]
) -> int:
    """Poll the predictions of which no callback came; return how many."""
    rows = await due_pages.next("polling", [State.STARTED])
    due = [row for row in rows if row.prediction and polling_times.take((row.id, row.attempt), monotonic())]
    if not due:
        return 0
    listed = await polling.listed(due)
    for row in due:
        with bound_contextvars(generation_id=row.id):
            try:
                await polling.record(row, listed)
            except Exception as error:  # noqa: BLE001 - no prediction's fault may delay the others
                log.warning("poll_failed", error=error)
    return len(due)
