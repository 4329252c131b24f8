"""The facts of stream `developer-<id>`: what a developer has and whom he lets in.

Names, addresses and hashes of passwords lie in the account's own document. `change` names the draft there
that an event makes valid; it is random and says nothing.
"""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from events.event import Event


class DeveloperRegistered(Event):
    """An operator made the account."""

    type: ClassVar[str] = "developer.registered"
    tier: str


class DeveloperTierChanged(Event):
    """From now on another tier bounds all his projects."""

    type: ClassVar[str] = "developer.tier_changed"
    previous: str
    tier: str


class DeveloperPasswordReset(Event):
    """An operator set another password; every session of his is over."""

    type: ClassVar[str] = "developer.password_reset"
    change: str


class DeveloperPasswordChanged(Event):
    """He set another password himself; every other session of his is over."""

    type: ClassVar[str] = "developer.password_changed"
    change: str


class DraftWithdrawn(Event):
    """What somebody had begun to make or to change never came to be: whoever began it comes too late.

    `draft` is the account, project or key; `change` the change of it, None when all of it was to be new.
    """

    type: ClassVar[str] = "developer.draft_withdrawn"
    kind: Literal["developers", "projects", "users", "keys"]
    draft: str
    change: str | None


class ProjectCreated(Event):
    type: ClassVar[str] = "developer.project_created"
    project: str


class ProjectRenamed(Event):
    """Its name or description is another."""

    type: ClassVar[str] = "developer.project_renamed"
    project: str
    change: str


class ProjectDeleted(Event):
    """Its users, keys and generations cannot be reached any more."""

    type: ClassVar[str] = "developer.project_deleted"
    project: str


class ProjectErased(Event):
    """Nothing of a deleted project is left, nor of its users."""

    type: ClassVar[str] = "developer.project_erased"
    project: str


class KeyCreated(Event):
    """A key was minted; `project` is None for a developer's own."""

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
    """The quota ledger is put right; `taken` and `freed` are the generations whose slots it got or lost.

    Recorded before it is done: the ledger keeps the ids of the corrections that were done.
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
    """His developer or an operator set another password; every session of his is over."""

    type: ClassVar[str] = "developer.user_password_reset"
    project: str
    user: str
    change: str


class UserPasswordChanged(Event):
    """He set another password himself; every other session of his is over."""

    type: ClassVar[str] = "developer.user_password_changed"
    project: str
    user: str
    change: str


class UserDeleted(Event):
    """He is nobody from now on; what is his is being erased."""

    type: ClassVar[str] = "developer.user_deleted"
    project: str
    user: str


class UserErased(Event):
    """Nothing of his is left."""

    type: ClassVar[str] = "developer.user_erased"
    project: str
    user: str


DeveloperEvent = (
    DeveloperRegistered
    | DeveloperTierChanged
    | DeveloperPasswordReset
    | DeveloperPasswordChanged
    | DraftWithdrawn
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
