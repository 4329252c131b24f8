"""The platform's own people, by stream `platform` alone, and what may be changed about them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, assert_never, cast

from events.envelope import RecordedEvent
from events.event import Event
from events.platform import (
    PlatformEvent,
    StaffCreated,
    StaffDeleted,
    StaffDraftWithdrawn,
    StaffPasswordChanged,
)

STREAM = "platform"

StaffRole = Literal["platform_operator", "auditor"]
Decision = Sequence[Event]


@dataclass(frozen=True, slots=True)
class Platform:
    """The folded state: who is there, and as what."""

    version: int = 0
    staff: Mapping[str, StaffRole] = field(default_factory=lambda: MappingProxyType({}))


def fold(events: Iterable[RecordedEvent]) -> Platform:
    """Fold the stream's events, in order."""
    platform = Platform()
    for recorded in events:
        platform = evolve(platform, recorded)
    return platform


def evolve(platform: Platform, recorded: RecordedEvent) -> Platform:
    """Apply one recorded event."""
    event = cast("PlatformEvent", recorded.event)
    match event:
        case StaffCreated():
            return Platform(recorded.version, {**platform.staff, event.staff: event.role})
        case StaffDeleted():
            staying = {staff: role for staff, role in platform.staff.items() if staff != event.staff}
            return Platform(recorded.version, staying)
        case StaffPasswordChanged() | StaffDraftWithdrawn():
            return Platform(recorded.version, platform.staff)
        case _:
            assert_never(event)


def create_staff(p: Platform, *, staff: str, role: StaffRole) -> Decision:
    """Take somebody on; `[]` for who is there."""
    return [] if staff in p.staff else [StaffCreated(staff=staff, role=role)]


def change_password(_: Platform, *, staff: str, change: str) -> Decision:
    """Make a password that he drafted himself the valid one."""
    return [StaffPasswordChanged(staff=staff, change=change)]


def delete_staff(_: Platform, *, staff: str) -> Decision:
    """Let somebody go, whether or not the log knows how he came."""
    return [StaffDeleted(staff=staff)]


def withdraw_draft(_: Platform, *, staff: str, change: str | None) -> Decision:
    """Let whoever has been making something for too long find the log longer than he knew it."""
    return [StaffDraftWithdrawn(staff=staff, change=change)]
