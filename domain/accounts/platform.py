"""Operators and auditors: the state folded from stream `platform`, and the decisions that change it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from types import MappingProxyType
from typing import Literal, assert_never, cast

from events.developer import (
    AccessGranted,
    AccessGrantEnded,
    GrantReason,
    PlatformEvent,
    StaffCreated,
    StaffDeleted,
    StaffPasswordChanged,
)
from events.envelope import RecordedEvent
from events.event import Event

STREAM = "platform"

StaffRole = Literal["platform_operator", "auditor"]
Decision = Sequence[Event]


@dataclass(frozen=True, slots=True)
class Platform:
    """The folded state: the role of each member of staff, and the owners of grants that were not ended."""

    version: int = 0
    staff: Mapping[str, StaffRole] = field(default_factory=lambda: MappingProxyType({}))
    grants: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class PersonalDataGrant:
    """The permission of a member of staff to read personal data, until then and for a reason."""

    id: str
    until: datetime
    reason: GrantReason
    case: str | None = None


def valid_grant(grants: Iterable[PersonalDataGrant], now: datetime) -> PersonalDataGrant | None:
    """Choose the grant that is valid longest; None when none is."""
    valid = [grant for grant in grants if now < grant.until]
    return max(valid, key=lambda grant: grant.until, default=None)


def fold(events: Iterable[RecordedEvent]) -> Platform:
    """Fold the stream's events, in order."""
    return reduce(evolve, events, Platform())


def evolve(platform: Platform, recorded: RecordedEvent) -> Platform:
    event = cast("PlatformEvent", recorded.event)
    staff, grants = dict(platform.staff), dict(platform.grants)
    match event:
        case StaffCreated():
            staff[event.staff] = event.role
        case StaffDeleted():
            staff.pop(event.staff, None)
            grants = {grant: owner for grant, owner in grants.items() if owner != event.staff}
        case StaffPasswordChanged():
            pass
        case AccessGranted():
            grants[event.grant] = event.staff
        case AccessGrantEnded():
            grants.pop(event.grant, None)
        case _:
            assert_never(event)
    return replace(platform, version=recorded.version, staff=staff, grants=grants)


def create_staff(p: Platform, *, staff: str, role: StaffRole) -> Decision:
    """Open an account; `[]` when it exists."""
    return [] if staff in p.staff else [StaffCreated(staff=staff, role=role)]


def change_password(_: Platform, *, staff: str) -> Decision:
    return [StaffPasswordChanged(staff=staff)]


def delete_staff(_: Platform, *, staff: str) -> Decision:
    return [StaffDeleted(staff=staff)]


def grant_access(p: Platform, grant: PersonalDataGrant, *, staff: str) -> Decision:
    """Let a member of staff read personal data; `[]` when this was granted."""
    if grant.id in p.grants:
        return []
    until, reason, case = grant.until, grant.reason, grant.case
    return [AccessGranted(staff=staff, grant=grant.id, until=until, reason=reason, case=case)]


def end_grant(p: Platform, grant: str) -> Decision:
    """End a grant before its time; `[]` when there is none."""
    return [AccessGrantEnded(staff=p.grants[grant], grant=grant)] if grant in p.grants else []
