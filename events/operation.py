"""Events of streams `operation-<id>`: what operators did to failed work."""

from typing import Final, Literal

from events.event import Event
from events.event_type import EventType

FailedSource = Literal["parked", "dead_letter"]
DiscardReason = Literal["fixed", "handled_elsewhere", "obsolete", "unrecoverable"]


class FailedWorkEvent(Event):
    """source: parked events of subscribers, or calls of actors that failed.

    entries: `<subscriber>:<position>`, or `<queue>:<event id>`.
    """

    source: FailedSource
    entries: tuple[str, ...]


class FailedWorkReplayed(FailedWorkEvent, name="operation.replayed"):
    """Somebody asked for another try, which follows within seconds."""


class FailedWorkDiscarded(FailedWorkEvent, name="operation.discarded"):
    """They are not tried any more; `case`: the number of a case elsewhere."""

    reason: DiscardReason
    case: str | None


OperationEvent = FailedWorkReplayed | FailedWorkDiscarded

OPERATION: Final = (
    EventType(sample=FailedWorkReplayed(source="dead_letter", entries=("completion:generation-gen-1:7",))),
    EventType(
        sample=FailedWorkDiscarded(source="parked", entries=("delivery:42",), reason="handled_elsewhere", case="INC-7")
    ),
)
