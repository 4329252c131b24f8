"""Events of stream `controls`: what operators hold back, refuse or limit, and when they let it go on."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime

from events.event import Event, OmittedIfNone
from events.event_type import EventType

ControlKind = Literal["maintenance", "provider", "queue_cap", "developer", "project"]
Submissions = Literal["queue", "refuse"]
"""What becomes of new submissions: they are accepted and wait, or they are refused."""

ControlReason = Literal["abuse", "billing", "cost", "incident", "legal", "maintenance", "request"]


class ControlEvent(Event):
    """kind, subject: what is controlled; `subject` names the provider, the developer or the project.

    developer: who is concerned, for a developer or a project; None where all are.
    """

    kind: ControlKind
    subject: str | None
    developer: Annotated[str | None, OmittedIfNone] = None


class ControlApplied(ControlEvent, name="control.applied"):
    """A control is in force, or was changed.

    expected_end: when the operator expects to lift it; it does not end by itself. limit: generations that may wait.
    """

    submissions: Submissions
    reason: ControlReason
    case: str | None
    expected_end: AwareDatetime | None
    limit: int | None


class ControlLifted(ControlEvent, name="control.lifted"):
    """A control is not in force any more."""


AnyControlEvent = ControlApplied | ControlLifted

CONTROL: Final = (
    EventType(
        sample=ControlApplied(
            kind="project",
            subject="prj-1",
            developer="dev-1",
            submissions="queue",
            reason="incident",
            case="INC-7",
            expected_end=datetime(2026, 1, 2, tzinfo=UTC),
            limit=None,
        )
    ),
    EventType(sample=ControlLifted(kind="project", subject="prj-1", developer="dev-1")),
)
