"""Ask the provider: resolve claims of unknown outcome, and follow predictions that run.

A claim is never repeated blindly. It is resolved by the first of: a signed callback; a listed prediction
that echoes the attempt's callback address, else one whose whole input equals the recorded one, made after
the intention and owned by nobody; or, after the grace and at least three lists, as lost.
"""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from structlog.contextvars import bound_contextvars

from actors.handlers.invocation import model_input_of
from actors.jobs.desk import Desk, Looks
from actors.jobs.paging import due_rows
from actors.providers.provider import ProviderUnavailableError
from domain.generation import invocation
from domain.generation.callback import Callback, callback_of_url
from domain.generation.generation import Generation, State
from domain.generation.prediction import Prediction, gone_prediction
from events.envelope import Cause
from store.errors import StoreError
from store.generations.projection import Row

# How far the provider's clock may differ from ours: a list reaches back that much further.
_SKEW = timedelta(minutes=5)
_LISTS = 3
_FEW = 5

log = structlog.get_logger()


async def reconcile(desk: Desk) -> int:
    """Look once for every claim that has run out; return how many are open."""
    now = desk.hands.clock()
    rows = await due_rows(desk, "reconciling", [State.INTENDED])
    open_claims = [g for row in rows if (g := await _open_claim(row, desk)) is not None]
    _forget(desk, {(g.id, g.attempt) for g in open_claims})
    if not open_claims:
        return 0
    since = min(g.intended_at or now for g in open_claims) - _SKEW
    try:
        listed = await desk.hands.model.list_since(since)
    except ProviderUnavailableError as error:
        log.warning("provider cannot be asked", error=str(error))
        return len(open_claims)
    for generation in open_claims:
        with bound_contextvars(generation_id=generation.id, request_id=generation.request_id):
            try:
                await _resolve(generation, listed, desk)
            except StoreError as error:
                log.warning("claim stays open", error=repr(error))
    return len(open_claims)


async def poll(desk: Desk) -> int:
    """Ask for predictions that run and were not heard of; return how many were asked for."""
    now = desk.hands.clock()
    rows = await due_rows(desk, "polling", [State.STARTED])
    asked = [row for row in rows if row.prediction and desk.questions.may((row.id, row.attempt), now)]
    if not asked:
        return 0
    listed = await _listed(asked, desk)
    for row in asked:
        with bound_contextvars(generation_id=row.id):
            try:
                await _follow_up(row, listed, desk)
            except (ProviderUnavailableError, StoreError) as error:
                log.warning("prediction cannot be asked for", error=repr(error))
    return len(asked)


async def _listed(rows: Sequence[Row], desk: Desk) -> Mapping[str, Prediction]:
    """Few are fetched one by one, many come in pages of a hundred; what is not listed is fetched."""
    if len(rows) <= _FEW:
        return {}
    since = min(row.created_at for row in rows) - _SKEW
    try:
        return {prediction.id: prediction for prediction in await desk.hands.model.list_since(since)}
    except ProviderUnavailableError as error:
        log.warning("provider cannot list", error=str(error))
        return {}


async def _follow_up(row: Row, listed: Mapping[str, Prediction], desk: Desk) -> None:
    prediction = listed.get(row.prediction or "") or await desk.hands.model.get(row.prediction or "")
    if prediction is not None:
        desk.unknown.pop((row.id, row.attempt), None)
        await _observe(row.id, row.attempt, prediction, desk)
    elif _is_gone(row, desk):
        log.error("prediction gone", prediction=row.prediction)
        await _observe(row.id, row.attempt, gone_prediction(row.prediction or ""), desk)


def _is_gone(row: Row, desk: Desk) -> bool:
    """Tell whether the provider has denied to know a prediction often and long enough to be believed."""
    key, now = (row.id, row.attempt), desk.hands.clock()
    seen = desk.unknown.get(key, Looks(0, now))
    desk.unknown[key] = Looks(seen.count + 1, seen.since)
    return seen.count + 1 >= _LISTS and now - seen.since >= desk.hands.lost_after


async def _open_claim(row: Row, desk: Desk) -> Generation | None:
    generation = await desk.hands.generations.load(row.id)
    if generation is None or generation.state is not State.INTENDED:
        return None
    return generation if _claim_end(generation) <= desk.hands.clock() else None


async def _resolve(generation: Generation, listed: Sequence[Prediction], desk: Desk) -> None:
    key = (generation.id, generation.attempt)
    seen = desk.lists.get(key, Looks(0, desk.hands.clock()))
    desk.lists[key] = Looks(seen.count + 1, seen.since)
    found = await _find(generation, listed, desk)
    if found is not None:
        log.info("claim found", attempt=generation.attempt, prediction=found.id)
        await _observe(generation.id, generation.attempt, found, desk)
    elif _is_lost(generation, desk):
        log.warning("claim lost", attempt=generation.attempt)
        await desk.hands.generations.decide(
            generation.id,
            lambda g: invocation.lose(g, attempt=generation.attempt),
            cause=Cause(actor="actor:reconciliation"),
        )
    else:
        return
    desk.lists.pop(key, None)


async def _find(generation: Generation, listed: Sequence[Prediction], desk: Desk) -> Prediction | None:
    wanted = Callback(generation.id, generation.attempt)
    key = desk.hands.settings.callback_key
    for prediction in listed:
        if prediction.webhook and callback_of_url(prediction.webhook, key) == wanted:
            return prediction
    return await _find_by_input(generation, listed, desk)


async def _find_by_input(
    generation: Generation, listed: Sequence[Prediction], desk: Desk
) -> Prediction | None:
    # One that echoes some address belongs to the attempt of that address, however alike its input is.
    silent = [p for p in listed if p.webhook is None and _made_after(p, generation.intended_at)]
    recorded = await model_input_of(generation, desk.hands) if silent else None
    for prediction in silent:
        if dict(prediction.input) == recorded and await _is_free(prediction, generation, desk):
            return prediction
    return None


async def _is_free(prediction: Prediction, generation: Generation, desk: Desk) -> bool:
    return await desk.hands.observations.owner(prediction.id) in (None, generation.id)


def _forget(desk: Desk, open_claims: Container[tuple[str, int]]) -> None:
    """Drop the looks for claims that somebody else resolved."""
    for key in [key for key in desk.lists if key not in open_claims]:
        del desk.lists[key]


def _made_after(prediction: Prediction, intended_at: datetime | None) -> bool:
    if prediction.created_at is None or intended_at is None:
        return False
    return prediction.created_at >= intended_at - _SKEW


def _is_lost(generation: Generation, desk: Desk) -> bool:
    hands = desk.hands
    grace = max(hands.lost_after, timedelta(seconds=hands.replicate.create_seconds))
    looks = desk.lists[generation.id, generation.attempt]
    # By this process's clock alone: the one that wrote the claim may be wrong by any amount.
    patient = looks.since + grace <= hands.clock()
    return patient and _claim_end(generation) + grace <= hands.clock() and looks.count >= _LISTS


def _claim_end(generation: Generation) -> datetime:
    return generation.claim_until or generation.moved_at


async def _observe(generation_id: str, attempt: int, prediction: Prediction, desk: Desk) -> None:
    await desk.hands.observations.record(
        generation_id, attempt, prediction, cause=Cause(actor="actor:reconciliation")
    )
