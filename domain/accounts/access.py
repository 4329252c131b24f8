"""Who may do what: token, role header, developer key, project id and API key are one tuple.

Everything is compared with the token. Order of refusals: the token (401), then the role header, the role,
the developer key, and all else (403); last a tier that is not configured (503).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.accounts.tiers import Tier, tier_of
from domain.errors import ErrorCode, ExemplarError


class Role(StrEnum):
    """What an account is for. Only end users generate."""

    END_USER = "end_user"
    DEVELOPER = "developer"
    PLATFORM_OPERATOR = "platform_operator"
    AUDITOR = "auditor"


STAFF = frozenset({Role.PLATFORM_OPERATOR, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified access or refresh token says; `session` is the login from which it descends.

    `epoch` counts the passwords that the account had had before that login.
    """

    subject: str
    role: Role
    project_id: str | None
    session: str
    token_id: str
    expires_at: datetime
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class PresentedCredentials:
    """The headers of a request; None was not sent. What is malformed is a text that matches nothing."""

    role: str | None = None
    developer_key: str | None = None
    project_id: str | None = None
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class KeyState:
    """A kept key; `project_id` is None for a developer's. `hash` is the keyed hash that found it."""

    id: str
    developer_id: str
    project_id: str | None
    active: bool
    last_used_at: datetime | None
    hash: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account as far as access is concerned; tokens of an ended session are void.

    So are those from before the last change of the password (`epoch`), but for the session that made it.
    """

    id: str
    active: bool
    ended_sessions: frozenset[str] = frozenset()
    epoch: int = 0
    kept_session: str | None = None


@dataclass(frozen=True, slots=True)
class Tenancy:
    """A project with its developer, and of what was asked for: the user and the keys that exist."""

    project_id: str
    project_active: bool
    developer: AccountState
    tier: str
    user: AccountState | None = None
    developer_key: KeyState | None = None
    api_key: KeyState | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who acts in a project."""

    user_id: str
    role: Role
    project_id: str
    developer_id: str
    tier: Tier


@dataclass(frozen=True, slots=True)
class DeveloperIdentity:
    """A developer who manages what is his."""

    developer_id: str
    tier: Tier

    @property
    def actor(self) -> str:
        """Name him as the cause of events."""
        return f"developer:{self.developer_id}"


@dataclass(frozen=True, slots=True)
class StaffIdentity:
    """Somebody of the platform: an operator or an auditor; `id` is None for a bare operator key."""

    id: str | None
    role: Role

    @property
    def actor(self) -> str:
        """Name him as the cause of events."""
        name = "operator" if self.role is Role.PLATFORM_OPERATOR else self.role.value
        return name if self.id is None else f"{name}:{self.id}"


def submitter(
    claims: Claims, presented: PresentedCredentials, found: Tenancy | None, tiers: Mapping[str, Tier]
) -> Identity:
    """Admit an end user who sends all five headers, or raise the first refusal."""
    user = _end_user(claims, found)
    if presented.role is None:
        raise ExemplarError(ErrorCode.ROLE_HEADER_REQUIRED)
    if found is None or user is None or presented.role != claims.role:
        raise ExemplarError(ErrorCode.FORBIDDEN)
    _check_keys(presented, found, all_needed=True)
    return _identity(user, found, tiers)


def reader(
    claims: Claims, presented: PresentedCredentials, found: Tenancy | None, tiers: Mapping[str, Tier]
) -> Identity:
    """Admit an end user by the token alone; the other headers, when sent, must agree."""
    user = _end_user(claims, found)
    if found is None or user is None or presented.role not in (None, claims.role):
        raise ExemplarError(ErrorCode.FORBIDDEN)
    _check_keys(presented, found, all_needed=False)
    return _identity(user, found, tiers)


def developer(
    claims: Claims,
    presented: PresentedCredentials,
    found: AccountState | None,
    tier: str | None,
    tiers: Mapping[str, Tier],
) -> DeveloperIdentity:
    """Admit a developer by the token; the role header, when sent, must agree."""
    if claims.role is Role.DEVELOPER and not _lives(found, claims):
        raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
    if found is None or tier is None or presented.role not in (None, Role.DEVELOPER):
        raise ExemplarError(ErrorCode.FORBIDDEN)
    return DeveloperIdentity(found.id, tier_of(tier, tiers))


def staff(
    claims: Claims, presented: PresentedCredentials, found: AccountState | None, role: Role
) -> StaffIdentity:
    """Admit an operator or an auditor, as which is asked, by the token; the role header must agree."""
    if claims.role in STAFF and not _lives(found, claims):
        raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
    if found is None or claims.role is not role or presented.role not in (None, role):
        raise ExemplarError(ErrorCode.FORBIDDEN)
    return StaffIdentity(found.id, role)


def registrar(presented: PresentedCredentials, found: Tenancy | None) -> Tenancy:
    """Admit a program that brings users into a project: both keys and the project id, no token."""
    if presented.developer_key is None:
        raise ExemplarError(ErrorCode.INVALID_DEVELOPER_KEY)
    if found is None:
        raise ExemplarError(ErrorCode.FORBIDDEN)
    _check_keys(presented, found, all_needed=True)
    return found


def _end_user(claims: Claims, found: Tenancy | None) -> AccountState | None:
    """Return the token's end user, None for another role; 401 when he, his session or his project is gone."""
    if claims.role is not Role.END_USER:
        return None
    user = found.user if found is not None and found.project_active else None
    if not _lives(user, claims):
        raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
    return user


def _lives(account: AccountState | None, claims: Claims) -> bool:
    return (
        account is not None
        and account.active
        and account.id == claims.subject
        and claims.session not in account.ended_sessions
        and (claims.epoch == account.epoch or claims.session == account.kept_session)
    )


def _check_keys(presented: PresentedCredentials, found: Tenancy, *, all_needed: bool) -> None:
    if (all_needed or presented.developer_key is not None) and not _opens_developer(found):
        raise ExemplarError(ErrorCode.INVALID_DEVELOPER_KEY)
    project_fits = presented.project_id == found.project_id
    if (all_needed or presented.project_id is not None) and not project_fits:
        raise ExemplarError(ErrorCode.FORBIDDEN)
    if (all_needed or presented.api_key is not None) and not _opens_project(found):
        raise ExemplarError(ErrorCode.FORBIDDEN)
    if not (found.project_active and found.developer.active):
        raise ExemplarError(ErrorCode.FORBIDDEN)


def _opens_developer(found: Tenancy) -> bool:
    key = found.developer_key
    return (
        key is not None and key.active and key.project_id is None and key.developer_id == found.developer.id
    )


def _opens_project(found: Tenancy) -> bool:
    key = found.api_key
    return key is not None and key.active and key.project_id == found.project_id


def _identity(user: AccountState, found: Tenancy, tiers: Mapping[str, Tier]) -> Identity:
    return Identity(user.id, Role.END_USER, found.project_id, found.developer.id, tier_of(found.tier, tiers))
