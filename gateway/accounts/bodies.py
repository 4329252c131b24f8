"""Response bodies of accounts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from domain.accounts.access import Role
from domain.accounts.access_keys import ordered_scopes
from events.envelope import format_time
from gateway.auth.sessions import TokenPair
from store.accounts.records import AccessKeyRecord, DeveloperRecord, KeyRecord, ProjectRecord, StaffRecord, UserRecord

_FIELDS = {"is_active": "active", "key_prefix": "prefix", "joined_at": "created_at"}
"""Fields of records that have another name in responses."""


def secret_response(body: Mapping[str, Any], status: int = 200) -> web.Response:
    """Respond with what no cache may store (RFC 6749, section 5.1)."""
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})


def reset_response(generated: str | None) -> web.Response:
    """Respond to a password reset: 204, or the generated password, which is shown once."""
    return web.Response(status=204) if generated is None else secret_response({"password": generated})


def tokens_body(pair: TokenPair) -> dict[str, str]:
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "bearer",
    }


def account_body(account: UserRecord | DeveloperRecord | StaffRecord) -> dict[str, Any]:
    project = account.project_id if isinstance(account, UserRecord) else None
    match account:
        case UserRecord():
            role = Role.END_USER
        case DeveloperRecord():
            role = Role.DEVELOPER
        case StaffRecord():
            role = account.role
    shown = _body(account, "id", "email", "full_name")
    return {**shown, "role": role.value, **_body(account, "is_active", "created_at"), "project_id": project}


def developer_body(developer: DeveloperRecord) -> dict[str, Any]:
    return {**account_body(developer), "tier": developer.tier}


def project_body(project: ProjectRecord) -> dict[str, Any]:
    return _body(project, "id", "name", "description", "is_active", "created_at", "updated_at")


def user_body(user: UserRecord) -> dict[str, Any]:
    """Show a user to the developer of the project."""
    return _body(user, "id", "email", "full_name", "is_active", "created_at", "joined_at")


def key_body(key: KeyRecord) -> dict[str, Any]:
    return _body(key, "id", "name", "key_prefix", "is_active", "last_used_at", "created_at")


def access_key_body(key: AccessKeyRecord) -> dict[str, Any]:
    shown = _body(key, "id", "name", "key_prefix", "is_active", "expires_at", "last_used_at", "created_at")
    return {**shown, "scopes": ordered_scopes(key.scopes)}


def _body(record: object, *members: str) -> dict[str, Any]:
    values = {name: getattr(record, _FIELDS.get(name, name)) for name in members}
    return {name: format_time(value) if isinstance(value, datetime) else value for name, value in values.items()}


def time_body(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)
