"""The event types of stream `platform`."""

from typing import Final

from events.event_type import EventType
from events.platform import StaffCreated, StaffDeleted, StaffPasswordChanged

PLATFORM: Final = (
    EventType(sample=StaffCreated(staff="stf-1", role="auditor")),
    EventType(sample=StaffPasswordChanged(staff="stf-1")),
    EventType(sample=StaffDeleted(staff="stf-1")),
)
