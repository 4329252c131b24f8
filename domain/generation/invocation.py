"""The paid call: its events, when they are allowed, how they change the state, and the decisions about them.

A decision takes the folded generation and returns the events to append; deciding twice returns `[]`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, assert_never

from domain.errors import FailureCode
from domain.generation.generation import Changes, Generation, SentAttempt, State
from domain.generation.lifecycle import Timeouts, has_come
from events import invocation as facts
from events.event import Event
from events.generation import GenerationFailed

MAX_LOST: Final = 3
"""So many lost attempts fail a generation."""
_PROGRESS_STEP: Final = 10

ALLOWED: Final[Mapping[type[Event], frozenset[State]]] = {
    facts.InvocationIntended: frozenset({State.RESERVED, State.WAITING}),
    facts.GenerationStarted: frozenset({State.INTENDED, State.WAITING}),
    facts.InvocationRefused: frozenset({State.INTENDED}),
    facts.InvocationLost: frozenset({State.INTENDED}),
    facts.GenerationProgressed: frozenset({State.STARTED}),
    facts.PredictionSettled: frozenset({State.STARTED, State.FAILED}),
    facts.DuplicateFound: frozenset(State),
}
"""Event -> the states in which it may be appended."""


def changes_of(g: Generation, event: facts.InvocationEvent, time: datetime) -> Changes:
    """Tell what an event changes, apart from version and times."""
    match event:
        case facts.InvocationIntended():
            call = {"intended_at": time, "provider_time": event.provider_time, "claim_until": event.claim_until}
            return {**call, "state": State.INTENDED, "attempt": event.attempt, "retry_at": None, "refusal": None}
        case facts.GenerationStarted():
            known = {"prediction": event.prediction, "unresolved": _without(given_up(g, time), event.attempt)}
            return {**known, "state": State.STARTED, "attempt": event.attempt, "started_at": time}
        case facts.InvocationRefused():
            return {"state": State.WAITING, "retry_at": event.retry_at, "refusal": event.code}
        case facts.InvocationLost():
            lost = {"lost": g.lost + 1, "unresolved": given_up(g, time)}
            return {**lost, "state": State.WAITING, "retry_at": time}
        case facts.GenerationProgressed():
            return {"percent": event.percent}
        case facts.PredictionSettled():
            return _settled(g, event)
        case facts.DuplicateFound():
            return {
                "duplicates": (*g.duplicates, event),
                "unresolved": _without(g.unresolved, event.attempt),
            }
        case _:
            assert_never(event)


def _settled(g: Generation, event: facts.PredictionSettled) -> Changes:
    """End its prediction; a generation that failed before stays failed, and its cost is known now."""
    return {
        "state": g.state if g.final else State.SETTLED,
        "attempt": event.attempt,
        "prediction": event.prediction,
        "settled": event,
        "cost_microusd": event.cost_microusd,
        "unresolved": _without(g.unresolved, event.attempt),
    }


def given_up(g: Generation, time: datetime) -> tuple[SentAttempt, ...]:
    """List what is unresolved, with the open call, if any: it may still have created a prediction."""
    if (sent := g.open_call) is None:
        return g.unresolved
    return (*g.unresolved, replace(sent, given_up_at=time))


def _without(unresolved: tuple[SentAttempt, ...], attempt: int) -> tuple[SentAttempt, ...]:
    return tuple(sent for sent in unresolved if sent.number != attempt)


def intend(g: Generation, *, now: datetime, timeouts: Timeouts, provider_time: datetime | None = None) -> list[Event]:
    """Claim the next paid call; `[]` while one is open, after the start deadline and after a cancellation.

    `provider_time` is the provider's clock, None while it is unknown.
    """
    rested = g.state is State.WAITING and g.retry_at is not None and has_come(g.retry_at, now)
    ready = g.state is State.RESERVED or rested
    if not ready or g.cancel_requested or now >= g.request.start_by:
        return []
    claim_until, attempt = now + timeouts.claim, g.attempt + 1
    return [facts.InvocationIntended(attempt=attempt, claim_until=claim_until, provider_time=provider_time)]


def start(g: Generation, *, attempt: int, prediction: str, model: str) -> list[Event]:
    """Adopt a prediction that was found; `[]` for a known one, a duplicate while there is another.

    One of an earlier attempt is adopted although the next call is open: nobody knows whether that creates any.
    """
    if prediction in g.predictions:
        return []
    if g.state in (State.WAITING, State.INTENDED):
        return [facts.GenerationStarted(attempt=attempt, prediction=prediction, model=model)]
    return [facts.DuplicateFound(attempt=attempt, prediction=prediction, predict_seconds=None)]


def refuse(g: Generation, *, attempt: int, code: str, retry_at: datetime | None) -> list[Event]:
    """Record that the provider refused; final without `retry_at` or after a request to cancel."""
    if g.state is not State.INTENDED or g.attempt != attempt:
        return []
    refused = facts.InvocationRefused(attempt=attempt, code=code, retry_at=retry_at)
    if g.cancel_requested:
        return [refused, _failed(FailureCode.CANCELED)]
    return [refused] if retry_at else [refused, _failed(FailureCode.PROVIDER_REFUSED)]


def lose(g: Generation, *, attempt: int) -> list[Event]:
    """Resolve an unknown outcome as never created; the third lost attempt fails the generation."""
    if g.state is not State.INTENDED or g.attempt != attempt:
        return []
    lost = facts.InvocationLost(attempt=attempt)
    if g.cancel_requested:
        return [lost, _failed(FailureCode.CANCELED)]
    if g.lost + 1 >= MAX_LOST:
        return [lost, _failed(FailureCode.INVOCATION_LOST, retryable=True)]
    return [lost]


def progress(g: Generation, *, prediction: str, percent: int) -> list[Event]:
    """Record the progress of the model in steps of ten percent."""
    if g.state is not State.STARTED or g.prediction != prediction:
        return []
    step = min(percent, 100) // _PROGRESS_STEP * _PROGRESS_STEP
    return [facts.GenerationProgressed(percent=step)] if step > g.percent else []


def settle_prediction(g: Generation, settled: facts.PredictionSettled, *, model: str) -> list[Event]:
    """Record that the prediction has ended, adopting it first when it is unknown.

    A success is adopted although another prediction still runs, which becomes the duplicate. A generation that
    failed before its prediction ended records the cost as well.
    """
    success, other = settled.outcome == "succeeded" and settled.code is None, settled.prediction != g.prediction
    if success and other and g.state is State.STARTED and g.prediction is not None:
        running = facts.DuplicateFound(attempt=g.attempt, prediction=g.prediction, predict_seconds=None)
        return [running, settled]
    other_call = g.state is State.WAITING or (g.state is State.INTENDED and g.attempt != settled.attempt)
    if not success and other_call:  # due or under way: a late failure ends nothing
        return _cost_of_duplicate(g, settled)
    adopted = start(g, attempt=settled.attempt, prediction=settled.prediction, model=model)
    if settled.prediction != g.prediction and not any(isinstance(one, facts.GenerationStarted) for one in adopted):
        return _cost_of_duplicate(g, settled)
    return [] if g.settled is not None else [*adopted, settled]


def _cost_of_duplicate(g: Generation, settled: facts.PredictionSettled) -> list[Event]:
    """Record once what a duplicate that has ended cost."""
    costed = [known.predict_seconds for known in g.duplicates if known.prediction == settled.prediction]
    if costed and (settled.predict_seconds is None or costed[-1] is not None):
        return []
    return [
        facts.DuplicateFound(
            attempt=settled.attempt,
            prediction=settled.prediction,
            predict_seconds=settled.predict_seconds,
            cost_microusd=settled.cost_microusd,
        )
    ]


def _failed(code: FailureCode, *, retryable: bool = False) -> GenerationFailed:
    return GenerationFailed(code=code.value, stage="invocation", retryable=retryable)
