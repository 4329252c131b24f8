"""Events of stream `developer-<id>`: a developer's account, projects, keys and end users.

Names, e-mail addresses and hashes are in the account documents only.
"""

from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict

from events.event import Event
from events.event_type import EventType


class DeveloperRegistered(Event):
    """An operator created the account."""

    type: ClassVar[str] = "developer.registered"
    tier: str


class DeveloperTierChanged(Event):
    """Another tier limits all projects of the developer from now on."""

    type: ClassVar[str] = "developer.tier_changed"
    previous: str
    tier: str


class DeveloperPasswordReset(Event):
    """An operator set another password; every session ends."""

    type: ClassVar[str] = "developer.password_reset"


class DeveloperPasswordChanged(Event):
    """The account's owner set another password; every other session ends."""

    type: ClassVar[str] = "developer.password_changed"


class ProjectCreated(Event):
    type: ClassVar[str] = "developer.project_created"
    project: str


class ProjectRenamed(Event):
    """The name or the description changed."""

    type: ClassVar[str] = "developer.project_renamed"
    project: str


class ProjectDeleted(Event):
    """Its users, keys and generations cannot be reached any more."""

    type: ClassVar[str] = "developer.project_deleted"
    project: str


class ProjectErased(Event):
    """All data of a deleted project and its users are deleted."""

    type: ClassVar[str] = "developer.project_erased"
    project: str


class KeyCreated(Event):
    """A key was created; `project` is None for a developer key."""

    type: ClassVar[str] = "developer.key_created"
    key: str
    project: str | None


class KeyRevoked(Event):
    type: ClassVar[str] = "developer.key_revoked"
    key: str


class CorrectedUnits(BaseModel):
    """A month's used units in the quota ledger, before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    period: str
    before: int
    after: int


class QuotaCorrected(Event):
    """The quota ledger is corrected; `taken` and `freed` are the generations whose slots it gains or loses.

    Appended before the ledger is changed; the ledger keeps the ids of the corrections that it contains.
    """

    type: ClassVar[str] = "developer.quota_corrected"
    correction: str
    reason: Literal["recount"]
    units: tuple[CorrectedUnits, ...]
    taken: tuple[str, ...]
    freed: tuple[str, ...]


class UserRegistered(Event):
    type: ClassVar[str] = "developer.user_registered"
    project: str
    user: str


class UserPasswordReset(Event):
    """The developer or an operator set another password; every session ends."""

    type: ClassVar[str] = "developer.user_password_reset"
    project: str
    user: str


class UserPasswordChanged(Event):
    """The account's owner set another password; every other session ends."""

    type: ClassVar[str] = "developer.user_password_changed"
    project: str
    user: str


class UserDeleted(Event):
    """The account is closed; its data are being erased."""

    type: ClassVar[str] = "developer.user_deleted"
    project: str
    user: str


class UserErased(Event):
    """All data of the user are erased."""

    type: ClassVar[str] = "developer.user_erased"
    project: str
    user: str


DeveloperEvent = (
    DeveloperRegistered
    | DeveloperTierChanged
    | DeveloperPasswordReset
    | DeveloperPasswordChanged
    | ProjectCreated
    | ProjectRenamed
    | ProjectDeleted
    | ProjectErased
    | KeyCreated
    | KeyRevoked
    | QuotaCorrected
    | UserRegistered
    | UserPasswordReset
    | UserPasswordChanged
    | UserDeleted
    | UserErased
)

DEVELOPER: Final = (
    EventType(sample=DeveloperRegistered(tier="free_starter")),
    EventType(sample=DeveloperTierChanged(previous="free_starter", tier="cloud_starter")),
    EventType(sample=DeveloperPasswordReset()),
    EventType(sample=DeveloperPasswordChanged()),
    EventType(sample=ProjectCreated(project="prj-1")),
    EventType(sample=ProjectRenamed(project="prj-1")),
    EventType(sample=ProjectDeleted(project="prj-1")),
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
    EventType(sample=UserRegistered(project="prj-1", user="usr-1")),
    EventType(sample=UserPasswordReset(project="prj-1", user="usr-1")),
    EventType(sample=UserPasswordChanged(project="prj-1", user="usr-1")),
    EventType(sample=UserDeleted(project="prj-1", user="usr-1")),
    EventType(sample=UserErased(project="prj-1", user="usr-1")),
)
