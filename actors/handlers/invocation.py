"""Claim, then call the model: the one place where money is spent."""

import base64

import structlog

from actors.hands import Hands, cause_of
from actors.providers.provider import Created, Refused, Unknown
from domain.generation import invocation
from domain.generation.callback import Callback, callback_url
from domain.generation.generation import Generation, id_of
from events.envelope import Cause, RecordedEvent
from events.generation import InvocationIntended

NAME = "invocation"

log = structlog.get_logger()


async def handle(event: RecordedEvent, *, hands: Hands) -> None:
    """On a reservation, a refusal whose time has come or a lost attempt: intend, call, record."""
    cause = cause_of(NAME, event)
    decided = await hands.generations.decide(
        id_of(event.stream),
        lambda g: invocation.intend(g, now=hands.clock(), timeouts=hands.timeouts),
        cause=cause,
    )
    if decided is None:
        return
    # Only who appended the intention makes the call: everybody else sees it and decides nothing.
    intended = [own for own in decided.events if isinstance(own, InvocationIntended)]
    if intended:
        await _invoke(decided.generation, intended[0], cause, hands)


async def _invoke(generation: Generation, intended: InvocationIntended, cause: Cause, hands: Hands) -> None:
    model_input = await model_input_of(generation, hands)
    if model_input is None or hands.clock() >= intended.claim_until:
        return  # the claim is too old to act on: it is looked for instead
    answer = await hands.model.create(model_input, webhook=_webhook(generation.id, intended.attempt, hands))
    await _record(generation.id, intended.attempt, answer, cause, hands)


async def _record(
    generation_id: str, attempt: int, answer: Created | Refused | Unknown, cause: Cause, hands: Hands
) -> None:
    match answer:
        case Created(prediction):
            await hands.observations.record(generation_id, attempt, prediction, cause=cause)
        case Refused(code, retry_at):
            await hands.generations.decide(
                generation_id,
                lambda g: invocation.refuse(g, attempt=attempt, code=code, retry_at=retry_at),
                cause=cause,
            )
        case Unknown(reason):
            log.warning("outcome unknown", attempt=attempt, reason=reason)


async def model_input_of(generation: Generation, hands: Hands) -> dict[str, object] | None:
    """Put the whole input together as it was recorded; None when its words or picture are gone."""
    personal_data = await hands.personal_data.get(generation.id, generation.request.personal_data)
    if personal_data is None or personal_data.model_input is None or generation.validated is None:
        return None
    picture = await hands.blobs.get(generation.id, generation.validated.input_image)
    if picture is None:
        return None
    encoded = base64.b64encode(picture.data).decode()
    return {**personal_data.model_input, "image": f"data:{picture.content_type};base64,{encoded}"}


def _webhook(generation_id: str, attempt: int, hands: Hands) -> str | None:
    if not hands.settings.public_url:
        return None
    secret = hands.settings.callback_key
    return callback_url(hands.settings.public_url, Callback(generation_id, attempt), secret)
