"""Bring the pictures home: the provider deletes its copies after an hour."""

import hashlib

from actors.hands import Hands, cause_of
from actors.imaging.decoder import InvalidPicture
from actors.providers.provider import OutputGoneError, OutputRefusedError
from domain.errors import FailureCode
from domain.generation import decisions
from domain.generation.generation import Generation, State, id_of
from events.envelope import Cause, RecordedEvent
from events.generation import Picture, PredictionSettled
from store.generations.blobs import Blob
from store.generations.personal_data import PersonalData

NAME = "completion"
_RETRYABLE = frozenset(
    {FailureCode.PROVIDER_FAILED, FailureCode.PROVIDER_CANCELED, FailureCode.OUTPUT_UNAVAILABLE}
)


async def handle(event: RecordedEvent, *, hands: Hands) -> None:
    """On `generation.prediction_settled`: completed with pictures, or failed with the reason."""
    generation = await hands.generations.load(id_of(event.stream))
    if generation is None or generation.state is not State.SETTLED or generation.settled is None:
        await _tidy(generation, hands)  # an earlier try may have kept something and ended before it decided
        return
    cause = cause_of(NAME, event)
    if generation.settled.code is not None or generation.cancel_requested:
        code = FailureCode(generation.settled.code or FailureCode.CANCELED)
        await _fail(generation, code, cause, hands)
        return
    try:
        pictures = await _fetch(generation, generation.settled, hands)
    except OutputGoneError:
        await _fail(generation, FailureCode.OUTPUT_UNAVAILABLE, cause, hands)
        return
    except (OutputRefusedError, InvalidPicture):
        await _fail(generation, FailureCode.OUTPUT_INVALID, cause, hands)
        return
    cost = generation.settled.cost_microusd
    decided = await hands.generations.decide(
        generation.id,
        lambda g: decisions.complete(g, pictures, cost_microusd=cost),
        cause=cause,
        known=generation,
    )
    await _tidy(decided.generation if decided else None, hands)


async def _tidy(generation: Generation | None, hands: Hands) -> None:
    """Take back the pictures of what ended without them, or was erased, while they were fetched."""
    if generation is not None and (generation.erased or generation.state is State.FAILED):
        await hands.blobs.erase(generation.id, kind="result")


async def _fail(generation: Generation, code: FailureCode, cause: Cause, hands: Hands) -> None:
    retryable = code in _RETRYABLE
    decided = await hands.generations.decide(
        generation.id,
        lambda g: decisions.fail_settled(g, code, retryable=retryable),
        cause=cause,
        known=generation,
    )
    await _tidy(decided.generation if decided else None, hands)


async def _fetch(generation: Generation, settled: PredictionSettled, hands: Hands) -> list[Picture]:
    personal_data = await hands.personal_data.get(generation.id, generation.request.personal_data)
    said = personal_data.provider.get(settled.prediction, {}) if personal_data else {}
    if personal_data is None or not said.get("outputs"):
        raise OutputGoneError("no address is known")
    return [await _keep(generation, personal_data, url, hands) for url in said["outputs"]]


async def _keep(generation: Generation, personal_data: PersonalData, url: str, hands: Hands) -> Picture:
    data = await hands.model.download(url)
    decoded = await hands.decoder.check(data)
    digest = personal_data.digest(data)
    await hands.blobs.put(
        Blob(
            generation=generation.id,
            digest=digest,
            token=personal_data.token,
            kind="result",
            content_type=decoded.content_type,
            data=data,
            sha256=hashlib.sha256(data).hexdigest(),
            created_at=hands.clock(),
        )
    )
    return Picture(
        digest=digest,
        content_type=decoded.content_type,
        width=decoded.width,
        height=decoded.height,
        size=len(data),
    )
