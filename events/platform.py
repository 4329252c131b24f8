"""Events of stream `platform`: operators and auditors. Names and addresses are in their documents only."""

from typing import Final, Literal

from events.event import Event
from events.event_type import EventType


class StaffCreated(Event, name="platform.staff_created"):
    """An operator or auditor account was created."""

    staff: str
    role: Literal["platform_operator", "auditor"]


class StaffPasswordChanged(Event, name="platform.staff_password_changed"):
    """The account's owner set another password; every other session ends."""

    staff: str


class StaffDeleted(Event, name="platform.staff_deleted"):
    """The account is deleted."""

    staff: str


PlatformEvent = StaffCreated | StaffPasswordChanged | StaffDeleted

PLATFORM: Final = (
    EventType(sample=StaffCreated(staff="stf-1", role="auditor")),
    EventType(sample=StaffPasswordChanged(staff="stf-1")),
    EventType(sample=StaffDeleted(staff="stf-1")),
)
