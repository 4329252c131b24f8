"""The facts of stream `platform`: who manages it and who reads its log. No name, no address."""

from typing import ClassVar, Literal

from events.event import Event


class StaffCreated(Event):
    """Somebody became an operator or an auditor."""

    type: ClassVar[str] = "platform.staff_created"
    staff: str
    role: Literal["platform_operator", "auditor"]


class StaffPasswordChanged(Event):
    """He set another password himself; every other session of his is over."""

    type: ClassVar[str] = "platform.staff_password_changed"
    staff: str
    change: str


class StaffDeleted(Event):
    """He is nobody from now on."""

    type: ClassVar[str] = "platform.staff_deleted"
    staff: str


class StaffDraftWithdrawn(Event):
    """What had been begun never came to be; `change` is None when it was an account."""

    type: ClassVar[str] = "platform.draft_withdrawn"
    staff: str
    change: str | None


PlatformEvent = StaffCreated | StaffPasswordChanged | StaffDeleted | StaffDraftWithdrawn
