"""Look for the predictions of attempts that were given up: each is paid, and adopted or cancelled once found."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from structlog.contextvars import bound_contextvars

from actors.jobs.claim_search import ClaimSearch
from actors.jobs.reconciliation import Claim
from actors.providers.provider import Provider, ProviderUnavailableError
from domain.generation.prediction import Prediction
from events.envelope import Cause
from store.errors import StoreError, StoreUnavailableError
from store.generations.generations import Generations
from store.generations.observations import Observations
from store.generations.projection import Projection, Row

_SEARCHED = timedelta(hours=1)
_PAGE = 500
_WINDOW = timedelta(minutes=5)  # a list may not have too many pages
_CAUSE = Cause(actor="actor:reconciliation")

log = structlog.get_logger()


async def find_late_predictions(
    *,
    projection: Projection,
    generations: Generations,
    claim_search: ClaimSearch,
    observations: Observations,
    provider: Provider,
    clock: Callable[[], datetime],
) -> int:
    """Look once for each attempt that was given up in the last hour; return how many predictions were found."""
    since = clock() - _SEARCHED
    rows = await _rows(projection, since)
    claims = [claim for row in rows for claim in await _claims(row, generations, since)]
    found = 0
    for window in _windows(claims, claim_search):
        until = max(claim_search.until(sent) for _, sent in window)
        try:
            listed = await provider.list_since(claim_search.since(*window[0]), until=until)
        except ProviderUnavailableError as error:
            log.warning("provider_unavailable", error=str(error))
            break
        for claim in window:
            found += await _find(claim, listed, claim_search=claim_search, observations=observations)
    return found


async def _rows(projection: Projection, since: datetime) -> Sequence[Row]:
    rows = list[Row]()
    while page := await projection.unresolved(since, limit=_PAGE, after=rows[-1].id if rows else ""):
        rows += page
    return rows


async def _find(
    claim: Claim, listed: Sequence[Prediction], *, claim_search: ClaimSearch, observations: Observations
) -> bool:
    generation, sent = claim
    with bound_contextvars(generation_id=generation.id, request_id=generation.request_id):
        try:
            prediction = await claim_search.find(generation, sent, listed)
            if prediction is None:
                return False
            log.warning("late_prediction_found", attempt=sent.number, prediction=prediction.id)
            return await observations.record(generation.id, sent.number, prediction, cause=_CAUSE) is not None
        except StoreError as error:
            log.warning("late_prediction_not_recorded", error=repr(error))
            return False


async def _claims(row: Row, generations: Generations, since: datetime) -> list[Claim]:
    try:
        generation = await generations.load(row.id)
    except StoreUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged stream must not stop the search for the others
        log.warning("attempt_not_loaded", generation_id=row.id, error=repr(error))
        return []
    unresolved = generation.unresolved if generation else ()
    return [(generation, sent) for sent in unresolved if generation and sent.given_up_at and sent.given_up_at > since]


def _windows(claims: Sequence[Claim], claim_search: ClaimSearch) -> Iterator[Sequence[Claim]]:
    """Split claims into groups whose searches begin within a few minutes, oldest first."""
    ordered = sorted(claims, key=lambda claim: claim_search.since(*claim))
    while ordered:
        end = claim_search.since(*ordered[0]) + _WINDOW
        window = [claim for claim in ordered if claim_search.since(*claim) <= end]
        yield window
        ordered = ordered[len(window) :]
