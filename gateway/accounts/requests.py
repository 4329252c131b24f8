"""Request bodies and queries of accounts."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from domain.accounts.access_keys import Scope
from domain.accounts.names import DESCRIPTION_LONGEST, NAME_LONGEST, check_description, check_name, normal_email
from domain.accounts.passwords import PASSWORD_LONGEST, PASSWORD_SHORTEST, Passwords, check_password
from domain.errors import invalid_field
from gateway.accounts.answers import GeneratedPassword, Page
from gateway.http.parsing import Body, read_optional_model
from store.accounts.queries import UserQuery
from store.accounts.writes import NewPassword

Email = Annotated[str, Field(max_length=320), AfterValidator(normal_email)]
Password = Annotated[
    str, Field(min_length=PASSWORD_SHORTEST, max_length=PASSWORD_LONGEST), AfterValidator(check_password)
]
Name = Annotated[str, Field(max_length=NAME_LONGEST), AfterValidator(check_name)]
Description = Annotated[str, Field(max_length=DESCRIPTION_LONGEST), AfterValidator(check_description)]


class LoginRequest(Body):
    email: Email
    password: str = Field(max_length=PASSWORD_LONGEST)


class RefreshRequest(Body):
    refresh_token: str = Field(max_length=4096)


class UserCreateRequest(Body):
    email: Email
    password: Password
    full_name: Name | None = None


class DeveloperCreateRequest(UserCreateRequest):
    tier: str = Field("free_starter", max_length=64)


class PasswordChangeRequest(Body):
    current_password: str = Field(max_length=PASSWORD_LONGEST)
    new_password: Password


class PasswordResetRequest(Body):
    """Another password for an account; without one it is generated and returned once.

    Unknown names are refused: a misspelt `password` must not generate one.
    """

    password: Password | None = None


PASSWORD_RESET: Final[Mapping[str, Any]] = {
    "body": PasswordResetRequest,
    "optional_body": True,
    "answer": GeneratedPassword,
    "also": {204: "The password that was sent is set"},
}
"""How the document describes a reset: a password, which is generated unless it is sent."""


async def read_new_password(request: web.Request, passwords: Passwords, client: str) -> tuple[NewPassword, str | None]:
    """Return the password that is sent or generated, as a hash, and again as text if it was generated."""
    body = await read_optional_model(request, PasswordResetRequest)
    generated = None if body.password is not None else secrets.token_urlsafe(12)
    return NewPassword(await passwords.hash(body.password or generated or "", client=client)), generated


class DeletionRequest(Body):
    password: str = Field(max_length=PASSWORD_LONGEST)


class TierRequest(Body):
    tier: str = Field(max_length=64)


class KeyCreateRequest(Body):
    name: Name | None = None


class AccessKeyCreateRequest(Body):
    """An access key; without scopes it has all, without `expires_at` no end.

    Unknown names are refused: a misspelt `expires_at` must not make a key without an end.
    """

    name: Name | None = None
    scopes: list[Scope] = Field(default_factory=lambda: list(Scope), min_length=1, max_length=8)
    expires_at: AwareDatetime | None = None


async def read_access_key(request: web.Request, now: datetime) -> AccessKeyCreateRequest:
    """Read the optional body; FieldError for an end that is past. Fractions of a second are cut."""
    body = await read_optional_model(request, AccessKeyCreateRequest)
    if body.expires_at is None:
        return body
    end = body.expires_at.astimezone(UTC).replace(microsecond=0)
    if end <= now:
        raise invalid_field("body", "expires_at", "must be in the future")
    return body.model_copy(update={"expires_at": end})


class PageRequest(BaseModel):
    """The page of a list, newest first."""

    page: int = Field(1, ge=1, le=100_000)
    page_size: int = Field(50, ge=1, le=100)

    def of(self, total: int) -> Page:
        """Write which page it is."""
        return {"total": total, "page": self.page, "page_size": self.page_size}


class ProjectCreateRequest(Body):
    name: Name
    description: Description | None = None


class ProjectUpdateRequest(Body):
    name: Name | None = None
    description: Description | None = None

    def changes(self) -> dict[str, str | None]:
        """Return what was sent; null empties a description, and is ignored as a name."""
        sent = self.model_dump(exclude_unset=True)
        return {name: value for name, value in sent.items() if name != "name" or value is not None}


class UsersRequest(PageRequest):
    """The query of user lists and statistics."""

    search: str | None = Field(None, max_length=255, pattern=r"^[^\x00]*$")
    is_active: bool | None = None
    project_id: str | None = Field(None, max_length=64)

    @property
    def query(self) -> UserQuery:
        return UserQuery(self.search, self.is_active, self.page, self.page_size)
