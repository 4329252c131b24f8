"""What the routes of accounts answer."""

from collections.abc import Sequence
from typing import Literal

from typing_extensions import TypedDict

from domain.accounts.access import Role
from domain.accounts.access_keys import Scope
from gateway.openapi.values import LogEvent, Time, Uuid


class Created(TypedDict):
    """The id of what was made."""

    id: Uuid


class Tokens(TypedDict):
    """An access token for requests, and a refresh token that replaces both once."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"]


class Account(TypedDict):
    """An account of any role; `project_id` is that of an end user."""

    id: Uuid
    email: str
    full_name: str | None
    role: Role
    is_active: bool
    created_at: Time
    project_id: Uuid | None


class DeveloperAccount(Account):
    """A developer as operators see them."""

    tier: str


class Provisioning(TypedDict):
    """The first project of a new developer with its API key, and a developer key; keys are shown once."""

    project_id: Uuid
    api_key: str
    developer_key: str


class Registration(Account, Tokens):
    """A new account that is logged in; `provisioning`: of a developer."""

    provisioning: Provisioning | None


class GeneratedPassword(TypedDict):
    """A generated password, which is shown once."""

    password: str


class Key(TypedDict):
    """A developer key, or an API key of a project, without its secret."""

    id: Uuid
    name: str | None
    key_prefix: str
    is_active: bool
    last_used_at: Time | None
    created_at: Time


class NewKey(Key):
    """A new key; `key` is shown once."""

    key: str


class AccessKey(Key):
    """An access key of an end user without its secret."""

    expires_at: Time | None
    scopes: Sequence[Scope]


class NewAccessKey(AccessKey):
    """A new access key; `key` is shown once."""

    key: str


class Project(TypedDict):
    """A project of a developer."""

    id: Uuid
    name: str
    description: str | None
    is_active: bool
    created_at: Time
    updated_at: Time | None


class Page(TypedDict):
    """Which page of how many entries."""

    total: int
    page: int
    page_size: int


class Developers(Page):
    """A page of developers, newest first."""

    developers: Sequence[DeveloperAccount]


class User(TypedDict):
    """An end user as the developer of the project sees them."""

    id: Uuid
    email: str
    full_name: str | None
    is_active: bool
    created_at: Time
    joined_at: Time


class ProjectUser(User):
    """An end user with their project."""

    project_id: Uuid


class NamedProjectUser(ProjectUser):
    """An end user in a list over all projects."""

    project_name: str


class Users(Page):
    """A page of the end users of a project."""

    users: Sequence[User]


class AllUsers(Page):
    """A page of the end users of all projects."""

    users: Sequence[NamedProjectUser]


class Counted(TypedDict):
    """How many there are, and how many of them are active."""

    total: int
    active: int


class ProjectStatistics(TypedDict):
    """Numbers of users and of API keys."""

    users: Counted
    api_keys: Counted


class AllStatistics(ProjectStatistics):
    """Numbers of projects, and of users and API keys in all of them."""

    projects: Counted


class History(TypedDict):
    """A page of the events of one stream, the oldest first."""

    events: Sequence[LogEvent]
    limit: int
    next_cursor: str | None
