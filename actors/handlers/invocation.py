"""Claim, then create a prediction: the one place where money is spent."""

from collections.abc import Callable, Sequence
from datetime import datetime

import dramatiq
import structlog

from actors.broker import EventActor, broker
from actors.callback_urls import CallbackUrls
from actors.chain import Chain
from actors.lost_predictions import LostPredictions
from actors.model_inputs import MissingDataError, ModelInputs
from actors.providers.provider import (
    Created,
    Provider,
    ProviderUnavailableError,
    Refused,
    Unknown,
)
from actors.read_ahead import ReadAhead
from domain.generation import invocation
from domain.generation.callback import Callback
from domain.generation.generation import Generation, id_of
from domain.generation.lifecycle import Timeouts
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.generation import GenerationRequested, Owner
from events.invocation import InvocationIntended
from store.controls.current import STALE_AFTER, CurrentControls
from store.crash_points import crash_point
from store.generations.generations import Decided, Decision, Generations
from store.generations.observations import Observations

NAME = "invocation"

log = structlog.get_logger()


@dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=NAME, queue_name=NAME)
async def handle(event: RecordedEvent, *, chain: Chain) -> None:
    """Intend an attempt, create its prediction, record the outcome."""
    await chain.run(NAME, event)


def look_ahead(
    event: RecordedEvent,
    _request: GenerationRequested,
    *,
    current_controls: CurrentControls,
    provider: Provider,
    read_ahead: ReadAhead,
) -> None:
    """Begin to read what may hold back the first attempt, where what is remembered of that is too old."""
    if isinstance(event.event, GenerationRequested):
        controls = current_controls.get(at_most=STALE_AFTER / 2)  # still young when they are needed
        read_ahead.begin(id_of(event.stream), "controls", controls)
        read_ahead.begin(id_of(event.stream), "pause", provider.paused_until())


async def decide(
    generation: Generation,
    *,
    generations: Generations,
    model_inputs: ModelInputs,
    timeouts: Timeouts,
    provider: Provider,
    current_controls: CurrentControls,
    clock: Callable[[], datetime],
) -> Decision | None:
    """Claim the next attempt at the time of the append, once its input is at hand.

    What an operator holds back claims nothing, and neither does a fault in making the input, which is raised:
    redelivery tries again.
    """

    def claim(g: Generation) -> Sequence[Event]:
        return invocation.intend(g, now=clock(), timeouts=timeouts, provider_time=provider.time.now())

    if not claim(generation) or await is_held(generation.request.owner, provider.name, current_controls):
        return None
    try:
        await model_inputs.read(generation)
    except MissingDataError:
        if (await generations.ended([generation.id])).get(generation.id):
            return None  # it was erased since it was read
        raise
    return claim


async def is_held(owner: Owner, provider: str, current_controls: CurrentControls) -> bool:
    """Tell whether an operator holds back the paid calls of an owner."""
    return (await current_controls.get()).held_by(provider, owner.developer, owner.project) is not None


async def follow(
    decided: Decided,
    cause: Cause,
    *,
    generations: Generations,
    model_inputs: ModelInputs,
    provider: Provider,
    observations: Observations,
    callback_urls: CallbackUrls,
    lost_predictions: LostPredictions,
    timeouts: Timeouts,
    clock: Callable[[], datetime],
    monotonic: Callable[[], float],
) -> None:
    """Create the prediction.

    Only the call that appended the intention creates: any other sees the intention and decides nothing.
    """
    if (intended := _intended(decided)) is None:
        return
    callback = Callback(decided.generation.id, intended.attempt)
    outcome: Created | Refused | Unknown | None = await _known(callback.generation, lost_predictions)
    if outcome is None:
        model_input = await model_inputs.read(decided.generation)
        # Nothing is awaited between this and the call: each of the two above may take minutes.
        if monotonic() - decided.began >= timeouts.claim.total_seconds() or clock() >= intended.claim_until:
            return  # the claim is too old to act on: reconciliation looks for its prediction
        outcome = await provider.create(model_input.as_request(), webhook=callback_urls.write(callback))
    crash_point(NAME, "after_request")
    if not isinstance(outcome, Refused):
        model_inputs.forget(decided.generation.id)
    await _record(callback, outcome, cause, decided.generation, generations=generations, observations=observations)


async def _known(generation: str, lost_predictions: LostPredictions) -> Created | Unknown | None:
    """Return what was created before the log was restored; None when the provider is to be called."""
    try:
        prediction = await lost_predictions.find(generation)
    except ProviderUnavailableError as error:
        return Unknown(f"the predictions before the restoration are not known: {error}")
    if prediction is None:
        return None
    log.warning("lost_prediction_found", prediction=prediction.id)
    return Created(prediction)


async def _record(
    callback: Callback,
    outcome: Created | Refused | Unknown,
    cause: Cause,
    known: Generation,
    *,
    generations: Generations,
    observations: Observations,
) -> None:
    attempt = callback.attempt
    match outcome:
        case Created(prediction):
            await observations.record(callback.generation, attempt, prediction, cause=cause, known=known)
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
