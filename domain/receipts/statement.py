"""What a receipt says of a picture, from the events of its generation."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from domain.generation.generation import id_of
from domain.receipts.receipt import (
    Receipt,
    ReceiptCost,
    ReceiptPersonalData,
    ReceiptPicture,
    ReceiptRequest,
    ReceiptTimes,
)
from events.commit import Commit
from events.envelope import RecordedEvent, format_time
from events.event import Event
from events.generation import GenerationCompleted, GenerationRequested, GenerationValidated, Picture
from events.invocation import GenerationStarted, PredictionSettled

Kind = TypeVar("Kind", bound=Event)


def completing_commit(commits: Sequence[Commit]) -> Commit:
    """Choose the commit that completed a generation from those of its stream; ValueError when it has not completed."""
    for commit in commits:
        if any(_of(GenerationCompleted, commit.events)):
            return commit
    raise ValueError("the generation has not completed")


def receipt_of(
    commits: Sequence[Commit],
    number: int,
    *,
    log: str,
    sha256: str,
    proof: str,
    personal_data: ReceiptPersonalData | None = None,
) -> Receipt:
    """Write the unsigned receipt of a picture, numbered from 0, of a completed generation.

    commits: all of its stream. sha256: of the picture. proof: of the commit that completed it.
    """
    events = [recorded for commit in commits for recorded in commit.events]
    requested, request = next(_of(GenerationRequested, events))
    _, validated = next(_of(GenerationValidated, events))
    completed, completion = next(_of(GenerationCompleted, events))
    started, start = _start(events)
    return Receipt(
        log=log,
        generation=id_of(completed.stream),
        picture=receipt_picture(completion.pictures[number], number, sha256),
        request=_request(request),
        model=start.model if start else None,
        seed=validated.seed,
        times=ReceiptTimes(
            requested_at=format_time(requested.time),
            started_at=format_time(started.time) if started else None,
            completed_at=format_time(completed.time),
        ),
        cost=receipt_cost(completion),
        event=completed.id,
        proof=proof,
        personal_data=personal_data,
    )


def receipt_picture(picture: Picture, number: int, sha256: str) -> ReceiptPicture:
    """Describe a picture that an event names."""
    return ReceiptPicture(number=number, sha256=sha256, **picture.model_dump())


def receipt_cost(completion: GenerationCompleted) -> ReceiptCost:
    return ReceiptCost(predict_seconds=completion.predict_seconds, microusd=completion.cost_microusd)


def _request(request: GenerationRequested) -> ReceiptRequest:
    examples = tuple(example.digest for example in request.examples)
    return ReceiptRequest(digest=request.fingerprint, examples=examples, retry_of=request.retry_of)


def _start(events: Sequence[RecordedEvent]) -> tuple[RecordedEvent | None, GenerationStarted | None]:
    """Find the start of the prediction that was completed, which may be another than the first one."""
    settled = {settled.prediction for _, settled in _of(PredictionSettled, events)}
    starts = [(recorded, start) for recorded, start in _of(GenerationStarted, events) if start.prediction in settled]
    return starts[-1] if starts else (None, None)


def _of(kind: type[Kind], events: Sequence[RecordedEvent]) -> Iterator[tuple[RecordedEvent, Kind]]:
    return ((recorded, recorded.event) for recorded in events if isinstance(recorded.event, kind))
