"""The event types of stream `platform`."""

from typing import Final

from events.event import Event
from events.event_type import EventType
from events.platform import StaffCreated, StaffDeleted, StaffDraftWithdrawn, StaffPasswordChanged


def _row(sample: Event) -> EventType:
    return EventType(sample=sample, subscribers=("accounts",))


PLATFORM: Final = (
    _row(StaffCreated(staff="stf-1", role="auditor")),
    _row(StaffPasswordChanged(staff="stf-1", change="chg-1")),
    _row(StaffDeleted(staff="stf-1")),
    _row(StaffDraftWithdrawn(staff="stf-2", change=None)),
)
