"""What the streams of accounts say of every document that is stored beside them.

The domain's own states hold what decisions need; these also hold users, times, and what was deleted. They change in
place, because a stream may have very many events.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from domain.accounts import developer as developers
from domain.accounts.developer import Developer
from domain.accounts.platform import PersonalDataGrant
from events import developer as facts
from events.envelope import RecordedEvent


@dataclass(frozen=True, slots=True)
class ProjectState:
    created_at: datetime
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    erase_now: bool = False
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key; `project` is None for a developer key."""

    project: str | None
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UserState:
    project: str
    created_at: datetime
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessKeyState:
    project: str
    user: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(slots=True)
class DeveloperAccounts:
    """A developer with all projects, keys and users that the stream knows, by id.

    Erased users are gone, and their access keys with them.
    """

    developer: Developer
    created_at: datetime
    projects: dict[str, ProjectState] = field(default_factory=dict)
    keys: dict[str, KeyState] = field(default_factory=dict)
    users: dict[str, UserState] = field(default_factory=dict)
    keys_of_users: dict[str, dict[str, AccessKeyState]] = field(default_factory=dict)

    @property
    def access_keys(self) -> dict[str, AccessKeyState]:
        """The access keys of all users, by id."""
        return {key: state for keys in self.keys_of_users.values() for key, state in keys.items()}


@dataclass(slots=True)
class StaffMember:
    role: str
    created_at: datetime
    grants: dict[str, PersonalDataGrant] = field(default_factory=dict)


@dataclass(slots=True)
class StaffAccounts:
    """Operators and auditors by id."""

    staff: dict[str, StaffMember] = field(default_factory=dict)


def evolve_accounts(accounts: DeveloperAccounts | None, recorded: RecordedEvent) -> DeveloperAccounts:
    """Apply one recorded event to the accounts of a developer, in place."""
    developer = developers.evolve(accounts.developer if accounts else None, recorded)
    if accounts is None:
        return DeveloperAccounts(developer, recorded.time)
    accounts.developer = developer
    time = recorded.time
    match recorded.event:
        case facts.ProjectCreated(project=project):
            accounts.projects[project] = ProjectState(time)
        case facts.ProjectRenamed(project=project):
            _note(accounts.projects, project, updated_at=time)
        case facts.ProjectDeleted(project=project):
            _note(accounts.projects, project, deleted_at=time)
        case facts.ProjectErasureRequested(project=project):
            _note(accounts.projects, project, erase_now=True)
        case facts.ProjectErased(project=project):
            _note(accounts.projects, project, erased_at=time)
        case facts.KeyCreated(key=key, project=owner):
            accounts.keys[key] = KeyState(owner, time)
        case facts.KeyRevoked(key=key):
            _note(accounts.keys, key, revoked_at=time)
        case facts.UserEvent() as event:
            _evolve_user(accounts, event, time)
        case _:
            pass  # it changes the developer alone, or nothing that is stored
    return accounts


def _evolve_user(accounts: DeveloperAccounts, event: facts.UserEvent, time: datetime) -> None:
    user, keys = event.user, accounts.keys_of_users
    match event:
        case facts.UserRegistered():
            accounts.users[user] = UserState(event.project, time)
        case facts.UserDeleted():
            _note(accounts.users, user, deleted_at=time)
        case facts.UserErased():
            accounts.users.pop(user, None)
            keys.pop(user, None)
        case facts.AccessKeyCreated():
            state = AccessKeyState(event.project, user, event.scopes, event.expires_at, time)
            keys.setdefault(user, {})[event.key] = state
        case facts.AccessKeyRevoked():
            _note(keys.get(user, {}), event.key, revoked_at=time)
        case _:
            pass  # a password, which the log does not hold


def evolve_staff(accounts: StaffAccounts | None, recorded: RecordedEvent) -> StaffAccounts:
    """Apply one recorded event of stream `platform`, in place."""
    accounts = accounts or StaffAccounts()
    event = cast("facts.PlatformEvent", recorded.event)
    member = accounts.staff.get(event.staff)
    match event:
        case facts.StaffCreated():
            accounts.staff[event.staff] = StaffMember(event.role, recorded.time)
        case facts.StaffDeleted():
            accounts.staff.pop(event.staff, None)
        case facts.AccessGranted() if member:
            grant = PersonalDataGrant(event.grant, event.until, event.reason, event.case)
            member.grants[grant.id] = grant
        case facts.AccessGrantEnded() if member:
            member.grants.pop(event.grant, None)
        case _:
            pass  # a password, which the log does not hold
    return accounts


def _note(known: dict[str, Any], name: str, **changes: datetime | bool) -> None:
    if name in known:
        known[name] = replace(known[name], **changes)
