"""Access decisions: token, role header, developer key, project id and API key must belong together.

Order of refusals: the token (401), then the role header, the role, the developer key, the project and the API key,
each first by its form, which tells nothing of what is stored (403); last a tier that is not configured (503).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.accounts.access_keys import AccessKeyState
from domain.accounts.headers import PresentedCredentials, check_developer_key, check_project_and_api_key
from domain.accounts.tiers import Tier, tier_of
from domain.errors import ErrorCode, ExemplarError


class Role(StrEnum):
    """The role of an account. Only end users generate."""

    END_USER = "end_user"
    DEVELOPER = "developer"
    PLATFORM_OPERATOR = "platform_operator"
    AUDITOR = "auditor"


STAFF = frozenset({Role.PLATFORM_OPERATOR, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a verified access or refresh token; `session` is the login that it comes from.

    `epoch` is the number of password changes before that login. `access_key` is the id of an access key, which has
    been sent in place of a token: it has no session and no epoch.
    """

    subject: str
    role: Role
    project_id: str | None
    session: str
    token_id: str
    expires_at: datetime
    epoch: int = 0
    access_key: str | None = None


@dataclass(frozen=True, slots=True)
class KeyState:
    """A stored key; `project_id` is None for a developer key. `hash` is the keyed hash that found it."""

    id: str
    developer_id: str
    project_id: str | None
    active: bool
    last_used_at: datetime | None
    hash: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccountState:
    """What access decisions need of an account.

    Tokens of an ended session are invalid, and those from before the last change of the password (`epoch`)
    except the `kept_session` that changed it.
    """

    id: str
    active: bool
    ended_sessions: frozenset[str] = frozenset()
    epoch: int = 0
    kept_session: str | None = None


@dataclass(frozen=True, slots=True)
class Tenancy:
    """A project with its developer and, where asked for and found, a user and keys."""

    project_id: str
    project_active: bool
    developer: AccountState
    tier: str
    user: AccountState | None = None
    developer_key: KeyState | None = None
    api_key: KeyState | None = None
    access_key: AccessKeyState | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """An authorized end user of a project; `scopes` are those of an access key, None after a login.

    `api_key`: id of the project's key, or of the access key, that came with the request.
    """

    user_id: str
    project_id: str
    developer_id: str
    tier: Tier
    scopes: frozenset[str] | None = None
    api_key: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DeveloperIdentity:
    """An authorized developer."""

    developer_id: str
    tier: Tier

    @property
    def actor(self) -> str:
        return f"developer:{self.developer_id}"


@dataclass(frozen=True, slots=True)
class StaffIdentity:
    """An authorized operator or auditor; `id` is None for an operator key."""

    id: str | None
    role: Role

    @property
    def actor(self) -> str:
        name = "operator" if self.role is Role.PLATFORM_OPERATOR else self.role.value
        return name if self.id is None else f"{name}:{self.id}"


def authorize_end_user(
    claims: Claims,
    presented: PresentedCredentials,
    found: Tenancy | None,
    tiers: Mapping[str, Tier],
    *,
    now: datetime,
    all_headers: bool = False,
) -> Identity:
    """Authorize an end user by the token or an access key; other headers must match when they are sent.

    With `all_headers`, as for a submission, the role, both keys and the project id must be sent with a token.
    """
    user = _end_user(claims, found, now)
    all_headers = all_headers and claims.access_key is None
    if all_headers and presented.role is None:
        raise ExemplarError(ErrorCode.ROLE_HEADER_REQUIRED)
    _check_role_header(presented)
    if found is None or user is None or presented.role not in (None, claims.role):
        raise ExemplarError(ErrorCode.FORBIDDEN)
    _check_keys(presented, found, required=all_headers)
    access = None if claims.access_key is None else found.access_key
    scopes, key = None if access is None else access.scopes, claims.access_key
    if access is None:
        key = found.api_key.id if found.api_key is not None and presented.api_key is not None else None
    return Identity(user.id, found.project_id, found.developer.id, tier_of(found.tier, tiers), scopes, key)


def authorize_developer(
    claims: Claims,
    presented: PresentedCredentials,
    found: AccountState | None,
    tier: str | None,
    tiers: Mapping[str, Tier],
) -> DeveloperIdentity:
    """Authorize a developer by the token; the role header must match when it is sent."""
    if claims.role is Role.DEVELOPER and not _is_valid(found, claims):
        raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
    _check_role_header(presented)
    if found is None or tier is None or presented.role not in (None, Role.DEVELOPER):
        raise ExemplarError(ErrorCode.FORBIDDEN)
    return DeveloperIdentity(found.id, tier_of(tier, tiers))


def authorize_staff(
    claims: Claims, presented: PresentedCredentials, found: AccountState | None, role: Role
) -> StaffIdentity:
    """Authorize an account of this staff role by the token; the role header must match when it is sent."""
    if claims.role in STAFF and not _is_valid(found, claims):
        raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
    _check_role_header(presented)
    if found is None or claims.role is not role or presented.role not in (None, role):
        raise ExemplarError(ErrorCode.FORBIDDEN)
    return StaffIdentity(found.id, role)


def authorize_registration(presented: PresentedCredentials, found: Tenancy | None) -> Tenancy:
    """Authorize a program that registers users in a project: both keys and the project id, no token."""
    check_developer_key(presented, required=True)
    if found is None:
        check_project_and_api_key(presented, required=True)
        raise ExemplarError(ErrorCode.FORBIDDEN)
    _check_keys(presented, found, required=True)
    return found


def _end_user(claims: Claims, found: Tenancy | None, now: datetime) -> AccountState | None:
    """Return the end user, None for another role; 401 when user, session, access key or project has ended."""
    if claims.role is not Role.END_USER:
        return None
    user = found.user if found is not None and found.project_active else None
    if found is None or not (_has_key(found, claims, now) if claims.access_key else _is_valid(user, claims)):
        raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
    return user


def _has_key(found: Tenancy, claims: Claims, now: datetime) -> bool:
    """Tell whether the access key is valid and belongs to an active user of an active project of its developer.

    No password is part of it: it outlives a change of the password, and ends when it is revoked.
    """
    key, user = found.access_key, found.user
    return (
        user is not None
        and user.active
        and found.project_active
        and key is not None
        and key.is_valid(now)
        and (key.id, user.id) == (claims.access_key, claims.subject)
        and (key.developer_id, key.project_id, key.user_id) == (found.developer.id, found.project_id, user.id)
    )


def _is_valid(account: AccountState | None, claims: Claims) -> bool:
    return (
        account is not None
        and account.active
        and account.id == claims.subject
        and claims.session not in account.ended_sessions
        and (claims.epoch == account.epoch or claims.session == account.kept_session)
    )


def _check_role_header(presented: PresentedCredentials) -> None:
    if presented.role is not None and presented.role not in {*Role}:
        raise ExemplarError(ErrorCode.ROLE_HEADER_MALFORMED)


def _check_keys(presented: PresentedCredentials, found: Tenancy, *, required: bool) -> None:
    check_developer_key(presented, required=required)
    if required or presented.developer_key is not None:
        key = found.developer_key
        if key is None or not key.active or (key.project_id, key.developer_id) != (None, found.developer.id):
            raise ExemplarError(ErrorCode.INVALID_DEVELOPER_KEY)
    check_project_and_api_key(presented, required=required)
    if required or presented.api_key is not None:
        key = found.api_key
        if key is None or not key.active or key.project_id != found.project_id:
            raise ExemplarError(ErrorCode.FORBIDDEN)
    same_project = presented.project_id == found.project_id or (presented.project_id is None and not required)
    if not (same_project and found.project_active and found.developer.active):
        raise ExemplarError(ErrorCode.FORBIDDEN)
