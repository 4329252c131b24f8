from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from domain.accounts.access import AccountState, KeyState, Role
from domain.accounts.access_keys import AccessKeyState
from domain.accounts.platform import PersonalDataGrant
from events.generation import Owner
from store.mongo.connection import Document


@dataclass(frozen=True, slots=True)
class PersonRecord:
    id: str
    email: str = field(repr=False)
    full_name: str | None = field(repr=False)
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DeveloperRecord(PersonRecord):
    tier: str


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    id: str
    developer_id: str
    name: str
    description: str | None
    active: bool
    created_at: datetime
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserRecord(PersonRecord):
    project_id: str
    developer_id: str

    @property
    def owner(self) -> Owner:
        """The ids that name the user everywhere."""
        return Owner(developer=self.developer_id, project=self.project_id, user=self.id)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key without its secret; `project_id` is None for a developer key."""

    id: str
    developer_id: str
    project_id: str | None
    name: str | None
    prefix: str
    active: bool
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccessKeyRecord:
    """An access key without its secret."""

    id: str
    developer_id: str
    project_id: str
    user_id: str
    name: str | None
    prefix: str
    scopes: frozenset[str]
    expires_at: datetime | None
    active: bool
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class StaffRecord(PersonRecord):
    """An operator or an auditor."""

    role: Role


@dataclass(frozen=True, slots=True)
class Login:
    """What a login is checked against; inactive when the account or its project is."""

    id: str
    role: Role
    project_id: str | None
    password_hash: str = field(repr=False)
    active: bool
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    total: int
    active: int


log = structlog.get_logger()

Record = TypeVar(
    "Record",
    DeveloperRecord,
    ProjectRecord,
    UserRecord,
    KeyRecord,
    AccessKeyRecord,
    StaffRecord,
    KeyState,
    AccessKeyState,
)


def record_from(kind: type[Record], document: Document) -> Record:
    """Read a document as a record: the fields have the same names, `_id` is `id`."""
    values = {one.name: document["_id" if one.name == "id" else one.name] for one in fields(kind)}
    if "role" in values:
        values["role"] = Role(values["role"])
    if "scopes" in values:
        values["scopes"] = frozenset(values["scopes"])
    return kind(**values)


def grant_document(grant: PersonalDataGrant) -> Document:
    return asdict(grant)


def grants_of(document: Document) -> tuple[PersonalDataGrant, ...]:
    """Read the grants of a member of staff; a damaged one is logged and grants nothing."""
    return tuple(found for grant in document.get("grants", ()) if (found := _grant(document, grant)))


def _grant(document: Document, grant: Document) -> PersonalDataGrant | None:
    try:
        until: datetime = grant["until"].astimezone(UTC)
        return PersonalDataGrant(grant["id"], until, grant["reason"], grant.get("case"))
    except (KeyError, TypeError, AttributeError) as error:
        log.critical("grant_damaged", staff_id=document.get("_id"), error=error)
        return None


def account_state(document: Document) -> AccountState:
    ended = frozenset(session["id"] for session in document.get("ended_sessions", ()))
    return AccountState(
        document["_id"], document["active"], ended, document.get("epoch", 0), document.get("kept_session")
    )
