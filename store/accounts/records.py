"""Accounts as they are kept. No other place but words and pictures knows a person (e-mail, name)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.accounts.access import AccountState, KeyState, Role, Tenancy


@dataclass(frozen=True, slots=True)
class DeveloperRecord:
    id: str
    email: str = field(repr=False)
    full_name: str | None = field(repr=False)
    tier: str
    active: bool
    created_at: datetime


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
class UserRecord:
    id: str
    project_id: str
    developer_id: str
    email: str = field(repr=False)
    full_name: str | None = field(repr=False)
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as it may be shown; `project_id` is None for a developer's."""

    id: str
    developer_id: str
    project_id: str | None
    name: str | None
    prefix: str
    active: bool
    created_at: datetime
    last_used_at: datetime | None


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
class StaffRecord:
    """An operator or an auditor."""

    id: str
    role: Role
    email: str = field(repr=False)
    full_name: str | None = field(repr=False)
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Leaving:
    """A deleted user whose things are being erased."""

    developer_id: str
    project_id: str
    user_id: str
    deleted_at: datetime


@dataclass(frozen=True, slots=True)
class Count:
    total: int
    active: int


def developer_from(document: dict[str, Any]) -> DeveloperRecord:
    return DeveloperRecord(
        id=document["_id"],
        email=document["email"],
        full_name=document["full_name"],
        tier=document["tier"],
        active=document["active"],
        created_at=document["created_at"],
    )


def project_from(document: dict[str, Any]) -> ProjectRecord:
    return ProjectRecord(
        id=document["_id"],
        developer_id=document["developer_id"],
        name=document["name"],
        description=document["description"],
        active=document["active"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
    )


def user_from(document: dict[str, Any]) -> UserRecord:
    return UserRecord(
        id=document["_id"],
        project_id=document["project_id"],
        developer_id=document["developer_id"],
        email=document["email"],
        full_name=document["full_name"],
        active=document["active"],
        created_at=document["created_at"],
    )


def key_from(document: dict[str, Any]) -> KeyRecord:
    return KeyRecord(
        id=document["_id"],
        developer_id=document["developer_id"],
        project_id=document["project_id"],
        name=document["name"],
        prefix=document["prefix"],
        active=document["active"],
        created_at=document["created_at"],
        last_used_at=document["last_used_at"],
    )


def staff_from(document: dict[str, Any]) -> StaffRecord:
    return StaffRecord(
        id=document["_id"],
        role=Role(document["role"]),
        email=document["email"],
        full_name=document["full_name"],
        active=document["active"],
        created_at=document["created_at"],
    )


def account_state(document: dict[str, Any]) -> AccountState:
    ended = frozenset(session["id"] for session in document.get("ended_sessions", ()))
    return AccountState(
        document["_id"], document["active"], ended, document.get("epoch", 0), document.get("kept_session")
    )


def tenancy_from(document: dict[str, Any]) -> Tenancy:
    """Read a joined project: `developer`, `user` and `keys` are lists of what was found."""
    keys = document.get("keys", [])
    developer = document["developer"][0]
    return Tenancy(
        project_id=document["_id"],
        project_active=document["active"],
        developer=account_state(developer),
        tier=developer["tier"],
        user=next((account_state(user) for user in document.get("user", [])), None),
        developer_key=next((key_state(key) for key in keys if key["kind"] == "developer"), None),
        api_key=next((key_state(key) for key in keys if key["kind"] == "project"), None),
    )


def key_state(document: dict[str, Any]) -> KeyState:
    return KeyState(
        id=document["_id"],
        developer_id=document["developer_id"],
        project_id=document["project_id"],
        active=document["active"],
        last_used_at=document["last_used_at"],
        hash=document["hash"],
    )
