"""Events of streams `operation-<id>`: what was done to many things at once, or to failed work."""

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


BulkAction = Literal["cancel", "retry", "redeliver", "publish", "delete"]


class BulkRequested(Event, name="operation.bulk_requested"):
    """An action begins on the generations that a dry run selected.

    filters: the names of its conditions. selected: how many generations; digest: SHA-256 of their ids in order, each
    with a line break.
    """

    action: BulkAction
    developer: str
    project: str
    filters: tuple[str, ...]
    selected: int
    digest: str


class BulkRedelivered(Event, name="operation.bulk_redelivered"):
    """The last events of some generations were published again."""

    generations: tuple[str, ...]


class BulkEnded(Event, name="operation.bulk_ended"):
    """Every selected generation was tried, or somebody canceled the rest."""

    outcome: Literal["completed", "canceled"]
    changed: int
    unchanged: int
    failed: int


class RebuildRequested(Event, name="operation.rebuild_requested"):
    """What is derived from the log in a collection is built anew beside the one in use, and swapped."""

    model: Literal["generations"]


OperationEvent = (
    FailedWorkReplayed | FailedWorkDiscarded | BulkRequested | BulkRedelivered | BulkEnded | RebuildRequested
)

OPERATION: Final = (
    EventType(sample=FailedWorkReplayed(source="dead_letter", entries=("completion:generation-gen-1:7",))),
    EventType(
        sample=FailedWorkDiscarded(source="parked", entries=("delivery:42",), reason="handled_elsewhere", case="INC-7")
    ),
    EventType(
        sample=BulkRequested(
            action="retry",
            developer="dev-1",
            project="prj-1",
            filters=("created_after", "status"),
            selected=12,
            digest="0" * 64,
        )
    ),
    EventType(sample=BulkRedelivered(generations=("gen-1", "gen-2"))),
    EventType(sample=RebuildRequested(model="generations")),
    EventType(sample=BulkEnded(outcome="completed", changed=11, unchanged=0, failed=1)),
)
