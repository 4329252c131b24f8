"""The state of a generation, which comes only from folding its stream (`domain.generation.fold`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Literal

from events.erasure import Grounds
from events.generation import GenerationFailed, GenerationRequested, GenerationValidated, Picture
from events.invocation import DuplicateFound, PredictionSettled

__all__ = [
    "Changes",
    "Generation",
    "SentAttempt",
    "State",
    "Status",
    "change",
    "changed",
    "id_of",
    "is_generation",
    "state_of",
    "status_of",
    "stream_of",
]


class State(StrEnum):
    """The states of a generation; `docs/lifecycle.md` draws the transitions."""

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

_PREFIX = "generation-"
_STATUS: dict[State, Status] = {
    State.STARTED: "processing",
    State.SETTLED: "processing",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class SentAttempt:
    """An attempt whose prediction is not known, by our clock and, where it was known, the provider's."""

    number: int
    intended_at: datetime
    provider_time: datetime | None
    given_up_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """The folded state of one stream.

    moved_at: time of the last event that changed `state`.
    spent_ms: whole milliseconds spent in each state up to `moved_at`.
    hold: token of the quota hold that it was reserved with.
    provider_time: the provider's clock when the attempt was intended; None where it was not known.
    unresolved: earlier attempts of which no prediction is known, and no refusal.
    refusal: code of the provider's last refusal, until the next attempt.
    cost_microusd: cost of its own prediction, without duplicates, in millionths of a US dollar.
    request_id, traceparent: those of its submission.
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
    hold: str | None = None
    attempt: int = 0
    lost: int = 0
    intended_at: datetime | None = None
    provider_time: datetime | None = None
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
    erase_grounds: Grounds | None = None
    duplicates: tuple[DuplicateFound, ...] = ()
    unresolved: tuple[SentAttempt, ...] = ()
    is_public: bool = False
    erased: bool = False
    spent_ms: Mapping[State, int] = field(default_factory=dict)
    request_id: str | None = None
    traceparent: str | None = None

    @property
    def status(self) -> Status:
        return status_of(self.state)

    @property
    def gone(self) -> bool:
        """Tell whether its owner deleted it: it is not readable any more, even before it is final."""
        return self.erased or self.erase_requested

    @property
    def open_call(self) -> SentAttempt | None:
        """The attempt whose outcome is awaited."""
        if self.state is not State.INTENDED or self.intended_at is None:
            return None
        return SentAttempt(self.attempt, self.intended_at, self.provider_time)

    @property
    def predictions(self) -> frozenset[str]:
        """The ids of all its known predictions."""
        own = {self.prediction} if self.prediction is not None else set()
        return frozenset(own | {found.prediction for found in self.duplicates})

    @property
    def final(self) -> bool:
        return self.state in (State.COMPLETED, State.FAILED)


Changes = dict[str, Any]
"""What an event changes of a generation: fields by name."""

_SLOTS: Final[Mapping[str, Any]] = {one.name: getattr(Generation, one.name) for one in fields(Generation)}
_values: Final = attrgetter(*_SLOTS)

if TYPE_CHECKING:
    from dataclasses import replace as changed
else:

    def changed(generation: Generation, **changes: Any) -> Generation:
        """Copy a generation with other values: `dataclasses.replace` for its many fields, in a third of the time."""
        copy = object.__new__(Generation)
        for slot, value in zip(_SLOTS.values(), _values(generation), strict=True):
            slot.__set__(copy, value)
        change(copy, changes)
        return copy


def change(generation: Generation, changes: Changes) -> None:
    """Set fields of a generation that nobody else holds; KeyError for an unknown one."""
    for name, value in changes.items():
        _SLOTS[name].__set__(generation, value)


def status_of(state: State) -> Status:
    """Name the status that clients see for a state."""
    return _STATUS.get(state, "pending")


def state_of(generation: Generation) -> str:
    """Name the detailed state that clients see; `canceling` until a requested cancellation is final."""
    if generation.cancel_requested and not generation.final:
        return "canceling"
    return "started" if generation.state is State.SETTLED else generation.state.value


def stream_of(generation_id: str) -> str:
    return f"{_PREFIX}{generation_id}"


def is_generation(stream: str) -> bool:
    return stream.startswith(_PREFIX)


def id_of(stream: str) -> str:
    return stream.removeprefix(_PREFIX)
