"""Bodies of requests and answers about controls."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.case_number import CASE
from domain.controls.controls import Control, Target
from events.control import ControlReason, Submissions
from events.envelope import format_time
from gateway.accounts.bodies import time_body
from gateway.controls import answers
from gateway.http.parsing import Body
from gateway.http.values import Moment


class ControlRequest(Body):
    """Why, what becomes of new submissions, and when the operator expects to lift it; without personal data."""

    reason: ControlReason
    case: Annotated[str, Field(pattern=f"^{CASE.pattern}$")] | None = None
    submissions: Submissions = "queue"
    expected_end: Moment | None = None

    def control(self, target: Target, developer: str | None, now: datetime) -> Control:
        return Control(
            target,
            self.submissions,
            self.reason,
            now,
            developer=developer,
            case=self.case,
            expected_end=self.expected_end,
        )


class MaintenanceRequest(ControlRequest):
    submissions: Submissions = "refuse"


class QueueCapRequest(Body):
    """How many generations may wait, and why."""

    limit: Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
    reason: ControlReason
    case: Annotated[str, Field(pattern=f"^{CASE.pattern}$")] | None = None

    def control(self, target: Target, developer: str | None, now: datetime) -> Control:
        return Control(target, "refuse", self.reason, now, developer=developer, case=self.case, limit=self.limit)


def control_body(control: Control) -> answers.Control:
    return {
        "kind": control.kind,
        "subject": control.target.subject,
        "developer": control.developer,
        "submissions": control.submissions,
        "holds": control.holds,
        "limit": control.limit,
        "reason": control.reason,
        "case": control.case,
        "since": format_time(control.since),
        "expected_end": time_body(control.expected_end),
    }


def controls_body(controls: Iterable[Control]) -> answers.Controls:
    """Write controls, the oldest first."""
    ordered = sorted(controls, key=lambda one: (one.since, one.target.kind, one.target.subject or ""))
    return {"controls": [control_body(one) for one in ordered]}
