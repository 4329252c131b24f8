"""Look for the predictions of attempts that were given up: each is paid, and adopted or cancelled once found."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from structlog.contextvars import bound_contextvars

from actors.jobs.claim_search import Claim, ClaimSearch
from domain.generation.prediction import Prediction
from events.envelope import Cause
from store.errors import StoreUnavailableError
from store.generations.generations import Generations
from store.generations.observations import Observations
from store.generations.projection import Projection, Row

_SEARCHED = timedelta(hours=1)
_PAGE = 500
_CAUSE = Cause(actor="actor:reconciliation")

log = structlog.get_logger()


async def find_late_predictions(
    *,
    projection: Projection,
    generations: Generations,
    claim_search: ClaimSearch,
    observations: Observations,
    clock: Callable[[], datetime],
) -> int:
    """Look once for each attempt that was given up in the last hour; return how many predictions were found."""
    since = clock() - _SEARCHED
    rows = await _rows(projection, since)
    claims = [claim for row in rows for claim in await _claims(row, generations, since)]
    found = 0
    async for window, listed in claim_search.lists(claims):
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
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - damaged data must not stop the search for the others
            log.warning("late_prediction_not_recorded", error=error)
            return False


async def _claims(row: Row, generations: Generations, since: datetime) -> list[Claim]:
    try:
        generation = await generations.load(row.id)
    except StoreUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged stream must not stop the search for the others
        log.warning("attempt_not_loaded", generation_id=row.id, error=error)
        return []
    unresolved = generation.unresolved if generation else ()
    return [(generation, sent) for sent in unresolved if generation and sent.given_up_at and sent.given_up_at > since]
