"""Resolve claims whose outcome is unknown. The paid call is never repeated blindly.

A claim is resolved by the first of: a signed callback; a listed prediction (`ClaimSearch`); or, after the
grace period and at least three lists, as lost. The grace period is measured on the monotonic clock of this
process, from the first time that it saw the claim open: the wall clocks of the processes may differ and step.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from structlog.contextvars import bound_contextvars

from actors.jobs.claim_search import Claim, ClaimSearch
from actors.jobs.due_pages import DuePages
from actors.jobs.lookups import LookupCounts
from domain.generation import invocation
from domain.generation.generation import Generation, State
from domain.generation.lifecycle import Timeouts, has_come
from domain.generation.prediction import Prediction
from events.envelope import Cause
from store.errors import StoreUnavailableError
from store.generations.generations import Generations
from store.generations.observations import Observations
from store.generations.projection import Row

_LISTS = 3
_CAUSE = Cause(actor="actor:reconciliation")

log = structlog.get_logger()


class Reconciliation:
    """Resolve the claims of this process's pages.

    `lost_after` is the grace period; it is at least as long as a claim is valid and its paid call lasts.
    """

    def __init__(
        self,
        generations: Generations,
        observations: Observations,
        claim_search: ClaimSearch,
        *,
        lost_after: timedelta,
        create_seconds: float,
        timeouts: Timeouts,
        clock: Callable[[], datetime],
    ) -> None:
        self._generations = generations
        self._observations = observations
        self._claim_search = claim_search
        self._grace = max(lost_after.total_seconds(), timeouts.claim.total_seconds() + create_seconds)
        self._clock = clock
        self._lookups = LookupCounts()

    async def open_claims(self, rows: Sequence[Row]) -> list[Claim]:
        """Load the generations whose claim has run out without an outcome."""
        loaded = [await self._load(row) for row in rows]
        claims = [(generation, generation.open_call) for generation in loaded if generation]
        return [(generation, sent) for generation, sent in claims if sent and self._is_over(generation)]

    async def try_to_resolve(self, claim: Claim, listed: Sequence[Prediction], *, asked: float) -> None:
        """Record the prediction of a claim if it is listed, or the claim as lost after the grace period.

        The list was requested after `asked` on the monotonic clock. Raises StoreUnavailableError.
        """
        generation, _ = claim
        with bound_contextvars(generation_id=generation.id, request_id=generation.request_id):
            try:
                await self._resolve(claim, listed, asked)
            except StoreUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - damaged data must not block the other claims
                log.warning("claim_not_resolved", error=error)

    async def _resolve(self, claim: Claim, listed: Sequence[Prediction], asked: float) -> None:
        generation, sent = claim
        attempt = sent.number
        lookups = self._lookups.add((generation.id, attempt), asked)
        found = await self._claim_search.find(generation, sent, listed)
        if found is not None:
            log.info("claim_found", attempt=attempt, prediction=found.id)
            await self._observations.record(generation.id, attempt, found, cause=_CAUSE)
        elif lookups.count >= _LISTS and asked - lookups.since >= self._grace:
            log.warning("claim_lost", attempt=attempt)
            await self._generations.decide(generation.id, lambda g: invocation.lose(g, attempt=attempt), cause=_CAUSE)
        else:
            return
        self._lookups.forget((generation.id, attempt))

    async def _load(self, row: Row) -> Generation | None:
        try:
            return await self._generations.load(row.id)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - a damaged stream must not block the other claims
            log.warning("claim_not_loaded", generation_id=row.id, error=error)
            return None

    def _is_over(self, generation: Generation) -> bool:
        return has_come(generation.claim_until or generation.moved_at, self._clock())


async def reconcile(
    *,
    due_pages: DuePages,
    reconciliation: Reconciliation,
    claim_search: ClaimSearch,
    monotonic: Callable[[], float],
) -> int:
    """Look once for the prediction of every claim that has run out; return how many are open."""
    claims = await reconciliation.open_claims(await due_pages.next("reconciliation", [State.INTENDED]))
    asked = monotonic()
    async for window, listed in claim_search.lists(claims):
        for claim in window:
            await reconciliation.try_to_resolve(claim, listed, asked=asked)
    return len(claims)
