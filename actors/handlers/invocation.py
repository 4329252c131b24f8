"""Claim, then create a prediction: the one place where money is spent."""

from collections.abc import Callable
from datetime import datetime

import dramatiq
import structlog

from actors.broker import EventActor, broker
from actors.callback_urls import CallbackUrls
from actors.cause import cause_of
from actors.model_inputs import ModelInputs
from actors.providers.provider import Created, Provider, Refused, Unknown
from domain.generation import invocation
from domain.generation.callback import Callback
from domain.generation.generation import id_of
from domain.generation.lifecycle import Timeouts
from events.envelope import Cause, RecordedEvent
from events.invocation import InvocationIntended
from store.generations.generations import Decided, Generations
from store.generations.observations import Observations

NAME = "invocation"

log = structlog.get_logger()


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(
    event: RecordedEvent,
    *,
    generations: Generations,
    model_inputs: ModelInputs,
    provider: Provider,
    observations: Observations,
    callback_urls: CallbackUrls,
    timeouts: Timeouts,
    clock: Callable[[], datetime],
) -> None:
    """Intend an attempt, create its prediction, record the outcome.

    Only the call that appended the intention creates: any other sees the intention and decides nothing.
    """
    cause = cause_of(NAME, event)
    decided = await generations.decide(
        id_of(event.stream), lambda g: invocation.intend(g, now=clock(), timeouts=timeouts), cause=cause
    )
    if decided is None or (intended := _intended(decided)) is None:
        return
    model_input = await model_inputs.read(decided.generation)
    if model_input is None or clock() >= intended.claim_until:
        return  # the claim is too old to act on: reconciliation looks for its prediction
    callback = Callback(decided.generation.id, intended.attempt)
    outcome = await provider.create(model_input, webhook=callback_urls.write(callback))
    await _record(callback, outcome, cause, generations=generations, observations=observations)


async def _record(
    callback: Callback,
    outcome: Created | Refused | Unknown,
    cause: Cause,
    *,
    generations: Generations,
    observations: Observations,
) -> None:
    attempt = callback.attempt
    match outcome:
        case Created(prediction):
            await observations.record(callback.generation, attempt, prediction, cause=cause)
        case Refused(code, retry_at):
            await generations.decide(
                callback.generation,
                lambda g: invocation.refuse(g, attempt=attempt, code=code, retry_at=retry_at),
                cause=cause,
            )
        case Unknown(reason):
            log.warning("prediction_outcome_unknown", attempt=attempt, reason=reason)


def _intended(decided: Decided) -> InvocationIntended | None:
    return next((event for event in decided.events if isinstance(event, InvocationIntended)), None)
