"""Operators and auditors: the state folded from stream `platform`, and the decisions that change it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from types import MappingProxyType
from typing import Literal, assert_never, cast

from events.developer import PlatformEvent, StaffCreated, StaffDeleted, StaffPasswordChanged
from events.envelope import RecordedEvent
from events.event import Event

STREAM = "platform"

StaffRole = Literal["platform_operator", "auditor"]
Decision = Sequence[Event]


@dataclass(frozen=True, slots=True)
class Platform:
    """The folded state: the role of each member of staff."""

    version: int = 0
    staff: Mapping[str, StaffRole] = field(default_factory=lambda: MappingProxyType({}))


def fold(events: Iterable[RecordedEvent]) -> Platform:
    """Fold the stream's events, in order."""
    return reduce(evolve, events, Platform())


def evolve(platform: Platform, recorded: RecordedEvent) -> Platform:
    event = cast("PlatformEvent", recorded.event)
    match event:
        case StaffCreated():
            return Platform(recorded.version, {**platform.staff, event.staff: event.role})
        case StaffDeleted():
            remaining = {staff: role for staff, role in platform.staff.items() if staff != event.staff}
            return Platform(recorded.version, remaining)
        case StaffPasswordChanged():
            return Platform(recorded.version, platform.staff)
        case _:
            assert_never(event)


def create_staff(p: Platform, *, staff: str, role: StaffRole) -> Decision:
    """Open an account; `[]` when it exists."""
    return [] if staff in p.staff else [StaffCreated(staff=staff, role=role)]


def change_password(_: Platform, *, staff: str) -> Decision:
    return [StaffPasswordChanged(staff=staff)]


def delete_staff(_: Platform, *, staff: str) -> Decision:
    return [StaffDeleted(staff=staff)]
