"""What the routes of controls answer."""

from collections.abc import Sequence

from typing_extensions import TypedDict

from events.control import ControlKind, ControlReason, Submissions
from gateway.openapi.values import Time


class Control(TypedDict):
    """A control in force: what it is about, what becomes of submissions, and whether paid calls are held back."""

    kind: ControlKind
    subject: str | None
    developer: str | None
    submissions: Submissions
    holds: bool
    limit: int | None
    reason: ControlReason
    case: str | None
    since: Time
    expected_end: Time | None


class Controls(TypedDict):
    """The controls in force, the oldest first."""

    controls: Sequence[Control]
