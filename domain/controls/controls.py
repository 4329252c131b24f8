"""The controls in force: the state folded from stream `controls`, and the decisions that change it.

A control holds back paid calls, refuses submissions, or both. What runs at the provider already goes on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from types import MappingProxyType
from typing import Final, NamedTuple, assert_never, cast

from domain.errors import ErrorCode, ExemplarError, invalid_field
from events.control import AnyControlEvent, ControlApplied, ControlKind, ControlLifted, ControlReason, Submissions
from events.envelope import RecordedEvent
from events.event import Event

STREAM: Final = "controls"
MOST: Final = 1_000
"""Controls that may be in force at once: all of them are one document, which each process reads every second."""


class Target(NamedTuple):
    """What a control is about; `subject` names the provider, the developer or the project."""

    kind: ControlKind
    subject: str | None = None

    @property
    def name(self) -> str:
        return self.kind if self.subject is None else f"{self.kind}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Control:
    """A control in force since a time.

    submissions: what becomes of new submissions. limit: of generations that may wait, for `queue_cap` alone.
    developer: who is concerned; None where all are.
    """

    target: Target
    submissions: Submissions
    reason: ControlReason
    since: datetime
    developer: str | None = None
    case: str | None = None
    expected_end: datetime | None = None
    limit: int | None = None

    @property
    def kind(self) -> ControlKind:
        return self.target.kind

    @property
    def holds(self) -> bool:
        """Tell whether no paid call is made; maintenance that refuses submissions lets the queue run empty."""
        match self.kind:
            case "provider" | "developer" | "project":
                return True
            case "maintenance":
                return self.submissions == "queue"
            case "queue_cap":
                return False
            case _:
                assert_never(self.kind)

    @property
    def refuses(self) -> bool:
        """Tell whether new submissions are refused whatever the queue holds."""
        return self.submissions == "refuse" and self.kind != "queue_cap"


@dataclass(frozen=True, slots=True)
class Controls:
    """The folded state: the controls in force, by the name of what they are about."""

    version: int = 0
    by_name: Mapping[str, Control] = field(default_factory=lambda: MappingProxyType({}))

    def about(self, provider: str, developer: str, project: str) -> list[Control]:
        """List the controls that concern a project's generations, the widest first."""
        if not self.by_name:
            return []
        targets = (
            Target("maintenance"),
            Target("provider", provider),
            Target("queue_cap"),
            Target("developer", developer),
            Target("project", project),
        )
        return [found for target in targets if (found := self.by_name.get(target.name)) is not None]

    def held_by(self, provider: str, developer: str, project: str) -> Control | None:
        """Return the widest control that holds back the paid calls of a project, if any."""
        return next((one for one in self.about(provider, developer, project) if one.holds), None)

    def holding(self, developer: str, project: str) -> list[Control]:
        """List the controls that hold back the paid calls of a project, whatever its provider is."""
        found = [one for one in self.by_name.values() if one.holds and one.developer in (None, developer)]
        return [one for one in found if one.kind != "project" or one.target.subject == project]


Decision = Sequence[Event]


def fold(events: Iterable[RecordedEvent], start: Controls | None = None) -> Controls:
    """Fold the stream's events, in order."""
    return reduce(evolve, events, start or Controls())


def evolve(controls: Controls | None, recorded: RecordedEvent) -> Controls:
    """Apply one recorded event."""
    controls, event = controls or Controls(), cast("AnyControlEvent", recorded.event)
    target, by_name = Target(event.kind, event.subject), dict(controls.by_name)
    match event:
        case ControlApplied():
            before = by_name.get(target.name)
            by_name[target.name] = Control(
                target=target,
                submissions=event.submissions,
                reason=event.reason,
                since=before.since if before else recorded.time,
                developer=event.developer,
                case=event.case,
                expected_end=event.expected_end,
                limit=event.limit,
            )
        case ControlLifted():
            by_name.pop(target.name, None)
        case _:
            assert_never(event)
    return replace(controls, version=recorded.version, by_name=by_name)


def apply(controls: Controls, wanted: Control) -> Decision:
    """Put a control in force, or change it; `[]` when it is in force as it is wanted.

    Raises ExemplarError: `invalid_request` for an end that is over, `conflict` for one control too many.
    """
    before = controls.by_name.get(wanted.target.name)
    if before is not None and replace(before, since=wanted.since) == wanted:
        return []
    if wanted.expected_end is not None and wanted.expected_end <= wanted.since:
        raise invalid_field("body", "expected_end", "must be in the future")
    if before is None and len(controls.by_name) >= MOST:
        raise ExemplarError(ErrorCode.CONFLICT, f"Maximum of {MOST} controls reached. Lift one first.")
    return [
        ControlApplied(
            kind=wanted.kind,
            subject=wanted.target.subject,
            developer=wanted.developer,
            submissions=wanted.submissions,
            reason=wanted.reason,
            case=wanted.case,
            expected_end=wanted.expected_end,
            limit=wanted.limit,
        )
    ]


def lift(controls: Controls, target: Target) -> Decision:
    """End a control; `[]` when there is none."""
    before = controls.by_name.get(target.name)
    if before is None:
        return []
    return [ControlLifted(kind=target.kind, subject=target.subject, developer=before.developer)]
