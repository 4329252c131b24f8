"""Events of stream `developer-<id>`: a developer's account, projects, keys and end users; of `platform`: staff.

Names, e-mail addresses and hashes are in the account documents only.
"""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime

from events.erasure import Grounds
from events.event import Event, OmittedIfEmpty, OmittedIfNone, Part
from events.event_type import EventType


class DeveloperRegistered(Event, name="developer.registered"):
    """An operator created the account."""

    tier: str


class DeveloperTierChanged(Event, name="developer.tier_changed"):
    """Another tier limits all projects of the developer from now on."""

    previous: str
    tier: str


class DeveloperPasswordReset(Event, name="developer.password_reset"):
    """An operator set another password; every session ends."""


class DeveloperPasswordChanged(Event, name="developer.password_changed"):
    """The account's owner set another password; every other session ends."""


class ProjectEvent(Event):
    project: str


class ProjectCreated(ProjectEvent, name="developer.project_created"):
    pass


class ProjectRenamed(ProjectEvent, name="developer.project_renamed"):
    """The name or the description changed."""


class ProjectDeleted(ProjectEvent, name="developer.project_deleted"):
    """Its users, keys and generations cannot be reached any more."""


class ProjectErasureRequested(ProjectEvent, name="developer.project_erasure_requested"):
    """All data of the project, which is deleted by now, are being erased."""

    grounds: Grounds


class ProjectErased(ProjectEvent, name="developer.project_erased"):
    """All data of a deleted project and its users are deleted."""


class KeyCreated(Event, name="developer.key_created"):
    """A key was created; `project` is None for a developer key."""

    key: str
    project: str | None


class KeyRevoked(Event, name="developer.key_revoked"):
    key: str


class CorrectedUnits(Part):
    """A month's used units in the quota ledger, before and after."""

    period: str
    before: int
    after: int


class QuotaCorrected(Event, name="developer.quota_corrected"):
    """The quota ledger is corrected; `taken` and `freed` are the generations whose slots it gains or loses.

    queue: the generations that wait for a slot from then on, where that was wrong.
    Appended before the ledger is changed; the ledger keeps the ids of the corrections that it contains.
    """

    correction: str
    reason: Literal["recount"]
    units: tuple[CorrectedUnits, ...]
    taken: tuple[str, ...]
    freed: tuple[str, ...]
    queue: Annotated[tuple[str, ...], OmittedIfEmpty] = ()


class DeliveriesRestarted(ProjectEvent, name="developer.deliveries_restarted"):
    """The developer asked for so many webhook deliveries of an endpoint again, or for ones that were never made.

    endpoint: its id, or `default-<project>` for the webhooks of single requests. Recorded before they are restarted.
    """

    endpoint: str
    action: Literal["recover", "resend", "replay"]
    deliveries: int


class UserEvent(Event):
    project: str
    user: str


class UserRegistered(UserEvent, name="developer.user_registered"):
    pass


class UserPasswordReset(UserEvent, name="developer.user_password_reset"):
    """The developer or an operator set another password; every session ends."""


class UserPasswordChanged(UserEvent, name="developer.user_password_changed"):
    """The account's owner set another password; every other session ends."""


class UserDeleted(UserEvent, name="developer.user_deleted"):
    """The account is closed; its data are being erased. Older events name no grounds."""

    grounds: Annotated[Grounds | None, OmittedIfNone] = None


class UserErased(UserEvent, name="developer.user_erased"):
    """All data of the user are erased."""


class AccessKeyCreated(UserEvent, name="developer.access_key_created"):
    """A key that acts for the user was created; `expires_at` is None for one without an end."""

    key: str
    scopes: tuple[str, ...]
    expires_at: AwareDatetime | None


class AccessKeyRevoked(UserEvent, name="developer.access_key_revoked"):
    key: str


AccountEvent = DeveloperRegistered | DeveloperTierChanged | DeveloperPasswordReset | DeveloperPasswordChanged
DeveloperEvent = (
    AccountEvent
    | ProjectCreated | ProjectRenamed | ProjectDeleted | ProjectErasureRequested | ProjectErased
    | KeyCreated | KeyRevoked | QuotaCorrected | DeliveriesRestarted
    | UserRegistered | UserPasswordReset | UserPasswordChanged | UserDeleted | UserErased
    | AccessKeyCreated | AccessKeyRevoked
)  # fmt: skip

DEVELOPER: Final = (
    EventType(sample=DeveloperRegistered(tier="free_starter")),
    EventType(sample=DeveloperTierChanged(previous="free_starter", tier="cloud_starter")),
    EventType(sample=DeveloperPasswordReset()),
    EventType(sample=DeveloperPasswordChanged()),
    EventType(sample=ProjectCreated(project="prj-1")),
    EventType(sample=ProjectRenamed(project="prj-1")),
    EventType(sample=ProjectDeleted(project="prj-1")),
    EventType(sample=ProjectErasureRequested(project="prj-1", grounds=Grounds(reason="legal", case="C-7"))),
    EventType(sample=ProjectErased(project="prj-1")),
    EventType(sample=KeyCreated(key="key-1", project="prj-1")),
    EventType(sample=KeyRevoked(key="key-1")),
    EventType(
        sample=QuotaCorrected(
            correction="cor-1",
            reason="recount",
            units=(CorrectedUnits(period="2026-01", before=5, after=4),),
            taken=(),
            freed=("gen-1",),
        )
    ),
    EventType(sample=DeliveriesRestarted(project="prj-1", endpoint="default-prj-1", action="resend", deliveries=3)),
    EventType(sample=UserRegistered(project="prj-1", user="usr-1")),
    EventType(sample=UserPasswordReset(project="prj-1", user="usr-1")),
    EventType(sample=UserPasswordChanged(project="prj-1", user="usr-1")),
    EventType(sample=UserDeleted(project="prj-1", user="usr-1", grounds=Grounds(reason="data_request"))),
    EventType(sample=UserErased(project="prj-1", user="usr-1")),
    EventType(
        sample=AccessKeyCreated(
            project="prj-1",
            user="usr-1",
            key="key-2",
            scopes=("generate", "read"),
            expires_at=datetime(2026, 12, 31, tzinfo=UTC),
        )
    ),
    EventType(sample=AccessKeyRevoked(project="prj-1", user="usr-1", key="key-2")),
)


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


GrantReason = Literal["audit", "complaint", "data_request", "incident", "legal"]


class AccessGranted(Event, name="platform.access_granted"):
    """An operator or auditor may read personal data until then; `case`: the number of a case elsewhere."""

    staff: str
    grant: str
    until: AwareDatetime
    reason: GrantReason
    case: str | None


class AccessGrantEnded(Event, name="platform.access_grant_ended"):
    """A grant ended before its time."""

    staff: str
    grant: str


PlatformEvent = StaffCreated | StaffPasswordChanged | StaffDeleted | AccessGranted | AccessGrantEnded

PLATFORM: Final = (
    EventType(sample=StaffCreated(staff="stf-1", role="auditor")),
    EventType(sample=StaffPasswordChanged(staff="stf-1")),
    EventType(sample=StaffDeleted(staff="stf-1")),
    EventType(
        sample=AccessGranted(
            staff="stf-1", grant="grt-1", until=datetime(2026, 1, 8, tzinfo=UTC), reason="incident", case="INC-7"
        )
    ),
    EventType(sample=AccessGrantEnded(staff="stf-1", grant="grt-1")),
)
