"""Events of stream `platform`: operators and auditors. Names and addresses are in their documents only."""

from typing import ClassVar, Final, Literal

from events.event import Event
from events.event_type import EventType


class StaffCreated(Event):
    """An operator or auditor account was created."""

    type: ClassVar[str] = "platform.staff_created"
    staff: str
    role: Literal["platform_operator", "auditor"]


class StaffPasswordChanged(Event):
    """The account's owner set another password; every other session ends."""

    type: ClassVar[str] = "platform.staff_password_changed"
    staff: str


class StaffDeleted(Event):
    """The account is deleted."""

    type: ClassVar[str] = "platform.staff_deleted"
    staff: str


PlatformEvent = StaffCreated | StaffPasswordChanged | StaffDeleted

PLATFORM: Final = (
    EventType(sample=StaffCreated(staff="stf-1", role="auditor")),
    EventType(sample=StaffPasswordChanged(staff="stf-1")),
    EventType(sample=StaffDeleted(staff="stf-1")),
)
