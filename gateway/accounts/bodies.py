"""Response bodies of accounts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from domain.accounts.access import Role
from domain.accounts.access_keys import ordered_scopes
from events.envelope import format_time
from gateway.accounts.answers import AccessKey, Account, Counted, DeveloperAccount, Key, Project, Tokens, User
from gateway.auth.sessions import TokenPair
from store.accounts.records import (
    AccessKeyRecord,
    Count,
    DeveloperRecord,
    KeyRecord,
    ProjectRecord,
    StaffRecord,
    UserRecord,
)


def secret_response(body: Mapping[str, Any], status: int = 200) -> web.Response:
    """Respond with what no cache may store (RFC 6749, section 5.1)."""
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})


def reset_response(generated: str | None) -> web.Response:
    """Respond to a password reset: 204, or the generated password, which is shown once."""
    return web.Response(status=204) if generated is None else secret_response({"password": generated})


def tokens_body(pair: TokenPair) -> Tokens:
    return {"access_token": pair.access_token, "refresh_token": pair.refresh_token, "token_type": "bearer"}


def account_body(account: UserRecord | DeveloperRecord | StaffRecord) -> Account:
    match account:
        case UserRecord():
            role = Role.END_USER
        case DeveloperRecord():
            role = Role.DEVELOPER
        case StaffRecord():
            role = account.role
    return {
        "id": account.id,
        "email": account.email,
        "full_name": account.full_name,
        "role": role,
        "is_active": account.active,
        "created_at": format_time(account.created_at),
        "project_id": account.project_id if isinstance(account, UserRecord) else None,
    }


def developer_body(developer: DeveloperRecord) -> DeveloperAccount:
    return {**account_body(developer), "tier": developer.tier}


def project_body(project: ProjectRecord) -> Project:
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "is_active": project.active,
        "created_at": format_time(project.created_at),
        "updated_at": time_body(project.updated_at),
    }


def user_body(user: UserRecord) -> User:
    """Show a user to the developer of the project."""
    return {
        "id": user.id,
        "email": user.email,
        "full_name": user.full_name,
        "is_active": user.active,
        "created_at": format_time(user.created_at),
        "joined_at": format_time(user.created_at),
    }


def key_body(key: KeyRecord | AccessKeyRecord) -> Key:
    return {
        "id": key.id,
        "name": key.name,
        "key_prefix": key.prefix,
        "is_active": key.active,
        "last_used_at": time_body(key.last_used_at),
        "created_at": format_time(key.created_at),
    }


def access_key_body(key: AccessKeyRecord) -> AccessKey:
    return {**key_body(key), "expires_at": time_body(key.expires_at), "scopes": ordered_scopes(key.scopes)}


def count_body(count: Count) -> Counted:
    return {"total": count.total, "active": count.active}


def time_body(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)
