"""A generation: its state and how each fact changes it. State comes only from folding a stream."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, assert_never, cast

from events.envelope import RecordedEvent
from events.generation import (
    CancelRequested,
    DuplicateFound,
    GenerationCompleted,
    GenerationErased,
    GenerationEvent,
    GenerationFailed,
    GenerationProgressed,
    GenerationPublished,
    GenerationRequested,
    GenerationStarted,
    GenerationValidated,
    InvocationEvent,
    InvocationIntended,
    InvocationLost,
    InvocationRefused,
    Picture,
    PredictionSettled,
    QuotaReserved,
    QuotaSettled,
)


class State(StrEnum):
    """Where a generation stands; `docs/lifecycle.md` draws the moves."""

    REQUESTED = "requested"
    VALIDATED = "validated"
    RESERVED = "reserved"
    INTENDED = "invoking"
    WAITING = "waiting"
    STARTED = "started"
    SETTLED = "settled"
    COMPLETED = "completed"
    FAILED = "failed"


Status = Literal["pending", "processing", "completed", "failed"]

_STATUS: dict[State, Status] = {
    State.STARTED: "processing",
    State.SETTLED: "processing",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Generation:
    """The folded state of one stream; `moved_at` is the time of the last event that changed `state`.

    `spent_ms` are the whole milliseconds spent in each state up to that event; `refusal` is the code of the
    provider's last no, while it counts; `cost_microusd` is that of its own prediction alone.
    """

    id: str
    version: int
    state: State
    request: GenerationRequested
    created_at: datetime
    updated_at: datetime
    moved_at: datetime
    validated: GenerationValidated | None = None
    reserved: bool = False
    attempt: int = 0
    lost: int = 0
    intended_at: datetime | None = None
    claim_until: datetime | None = None
    retry_at: datetime | None = None
    refusal: str | None = None
    prediction: str | None = None
    started_at: datetime | None = None
    percent: int = 0
    settled: PredictionSettled | None = None
    pictures: tuple[Picture, ...] = ()
    failure: GenerationFailed | None = None
    cost_microusd: int | None = None
    finished_at: datetime | None = None
    quota: Literal["held", "spent", "released"] = "held"
    cancel_requested: bool = False
    cancel_requested_at: datetime | None = None
    erase_requested: bool = False
    duplicates: tuple[DuplicateFound, ...] = ()
    is_public: bool = False
    erased: bool = False
    spent_ms: Mapping[State, int] = field(default_factory=dict)
    request_id: str | None = None

    @property
    def status(self) -> Status:
        return status_of(self.state)

    @property
    def gone(self) -> bool:
        """Whether its owner deleted it: nobody may read it any more, even while it still ends."""
        return self.erased or self.erase_requested

    @property
    def final(self) -> bool:
        return self.state in (State.COMPLETED, State.FAILED)


def status_of(state: State) -> Status:
    """Name the status that clients see for a state."""
    return _STATUS.get(state, "pending")


def state_of(generation: Generation) -> str:
    """Name the finer state that clients see; a wish to cancel shows while it is on its way."""
    if generation.cancel_requested and not generation.final:
        return "canceling"
    return "started" if generation.state is State.SETTLED else generation.state.value


def stream_of(generation_id: str) -> str:
    """Name the stream of a generation."""
    return f"generation-{generation_id}"


def id_of(stream: str) -> str:
    """Read a generation's id from its stream's name."""
    return stream.removeprefix("generation-")


def fold(events: Iterable[RecordedEvent], start: Generation | None = None) -> Generation | None:
    """Fold a stream's events, in order, into the generation; None for no events."""
    generation = start
    for recorded in events:
        generation = evolve(generation, recorded)
    return generation


def evolve(generation: Generation | None, recorded: RecordedEvent) -> Generation:
    """Apply one recorded event; the first must be `generation.requested`."""
    event = cast("GenerationEvent", recorded.event)
    if generation is None:
        if not isinstance(event, GenerationRequested):
            raise ValueError(f"{recorded.id}: a generation begins with {GenerationRequested.type}")
        time = recorded.time
        return Generation(
            id=id_of(recorded.stream),
            version=recorded.version,
            state=State.REQUESTED,
            request=event,
            created_at=time,
            updated_at=time,
            moved_at=time,
            request_id=recorded.cause.request_id,
        )
    changed = _changed(generation, event, recorded.time)
    if changed.state is not generation.state:
        spent = _spent(generation, until=recorded.time)
        changed = replace(changed, moved_at=recorded.time, spent_ms=spent)
    return replace(changed, version=recorded.version, updated_at=recorded.time)


def _spent(g: Generation, *, until: datetime) -> dict[State, int]:
    """Add the time in the state that ends now: cut from one ruler, so that the parts are exactly the whole.

    Clocks of several machines may differ a little: time never runs backwards here.
    """
    elapsed = (until - g.created_at) // timedelta(milliseconds=1)
    before = sum(g.spent_ms.values())
    return {**g.spent_ms, g.state: g.spent_ms.get(g.state, 0) + max(0, elapsed - before)}


def _changed(g: Generation, event: GenerationEvent, time: datetime) -> Generation:
    match event:
        case GenerationRequested():
            raise ValueError(f"generation {g.id} is requested twice")
        case GenerationValidated():
            return replace(g, state=State.VALIDATED, validated=event)
        case QuotaReserved():
            return replace(g, state=State.RESERVED, reserved=True)
        case GenerationCompleted():
            return replace(
                g,
                state=State.COMPLETED,
                pictures=event.pictures,
                cost_microusd=g.cost_microusd if event.cost_microusd is None else event.cost_microusd,
                finished_at=time,
            )
        case GenerationFailed():
            return replace(g, state=State.FAILED, failure=event, finished_at=time)
        case QuotaSettled():
            return replace(g, quota=event.outcome)
        case CancelRequested():
            return _unwanted(g, event, time)
        case GenerationPublished():
            return replace(g, is_public=event.is_public)
        case GenerationErased():
            return replace(g, erased=True, is_public=False)
        case _:
            return _invoked(g, event, time)


def _unwanted(g: Generation, event: CancelRequested, time: datetime) -> Generation:
    return replace(
        g,
        cancel_requested=True,
        cancel_requested_at=g.cancel_requested_at or time,
        erase_requested=g.erase_requested or event.erase,
    )


def _invoked(g: Generation, event: InvocationEvent, time: datetime) -> Generation:
    match event:
        case InvocationIntended():
            return replace(
                g,
                state=State.INTENDED,
                attempt=event.attempt,
                intended_at=time,
                claim_until=event.claim_until,
                retry_at=None,
                refusal=None,
            )
        case GenerationStarted():
            return replace(
                g, state=State.STARTED, attempt=event.attempt, prediction=event.prediction, started_at=time
            )
        case InvocationRefused():
            return replace(g, state=State.WAITING, retry_at=event.retry_at, refusal=event.code)
        case InvocationLost():
            return replace(g, state=State.WAITING, retry_at=time, lost=g.lost + 1)
        case GenerationProgressed():
            return replace(g, percent=event.percent)
        case PredictionSettled():
            # What has failed meanwhile stays failed, and learns what it cost.
            state = g.state if g.final else State.SETTLED
            return replace(g, state=state, settled=event, cost_microusd=event.cost_microusd)
        case DuplicateFound():
            return replace(g, duplicates=(*g.duplicates, event))
        case _:
            assert_never(event)
