"""Operations on accounts, projects, keys, usage and histories."""

from typing import Final

from domain.paths import (
    AUTH,
    DEVELOPER,
    DEVELOPER_KEYS,
    DEVELOPERS,
    GENERATION,
    PLATFORM,
    PROJECT,
    PROJECT_USER,
    PROJECTS,
    USAGE,
)
from gateway.accounts.histories import HistoryRequest
from gateway.accounts.requests import (
    DeletionRequest,
    DeveloperCreateRequest,
    DevelopersRequest,
    KeyCreateRequest,
    LoginRequest,
    PasswordChangeRequest,
    PasswordResetRequest,
    ProjectCreateRequest,
    ProjectUpdateRequest,
    RefreshRequest,
    TierRequest,
    UsersRequest,
)
from gateway.openapi.operation import Operation

ACCOUNT_OPERATIONS: Final = (
    Operation("post", f"{AUTH}/login", "Exchange e-mail and password for tokens", "anybody",
              body=LoginRequest, answer="Tokens", headers=("X-Project-ID",)),
    Operation("post", f"{AUTH}/refresh", "Exchange a refresh token, which works once, for new tokens",
              "anybody", body=RefreshRequest, answer="Tokens"),
    Operation("post", f"{AUTH}/logout", "End the session of the token", "account", 204),
    Operation("post", f"{AUTH}/register", "Register an end user, or with X-Operator-Key a developer",
              "program", 201, body=DeveloperCreateRequest, answer="Registration"),
    Operation("post", f"{AUTH}/password", "Set your password; all other sessions end", "account",
              204, body=PasswordChangeRequest),
    Operation("get", f"{AUTH}/me", "Read your account", "account", answer="Account"),
    Operation("delete", f"{AUTH}/me", "Delete your account and all its data", "end_user", 204,
              body=DeletionRequest),
    Operation("get", DEVELOPER_KEYS, "List your developer keys", "developer", answer="Keys"),
    Operation("post", DEVELOPER_KEYS, "Create a developer key, shown once", "developer", 201,
              body=KeyCreateRequest, answer="NewKey"),
    Operation("delete", DEVELOPER_KEYS + "/{key_id}", "Revoke a developer key", "developer", 204),
    Operation("get", DEVELOPERS, "List all developers, newest first", "operator",
              query=DevelopersRequest, answer="Developers"),
    Operation("get", DEVELOPER, "Read a developer", "operator", answer="Account"),
    Operation("put", f"{DEVELOPER}/tier", "Change the tier of a developer", "operator",
              body=TierRequest, answer="Account"),
    Operation("put", f"{DEVELOPER}/password", "Reset a developer's password", "operator",
              body=PasswordResetRequest, optional_body=True, also={204: "The password that was sent is set"}),
    Operation("get", f"{DEVELOPER}/history", "Read a developer's events", "overseer",
              query=HistoryRequest, answer="History"),
    Operation("get", f"{GENERATION}/history",
              "Read the events of any generation", "overseer", query=HistoryRequest, answer="History"),
    Operation("get", f"{PLATFORM}/history", "Read the events of the platform", "overseer",
              query=HistoryRequest, answer="History"),
    *(
        operation
        for path in (PROJECTS, f"{PROJECTS}/")
        for operation in (
            Operation("get", path, "List your projects", "developer", answer="Projects"),
            Operation("post", path, "Create a project", "developer", 201, body=ProjectCreateRequest,
                      answer="Created"),
        )
    ),
    Operation("get", f"{PROJECTS}/stats", "Count projects, users and keys", "developer", query=UsersRequest),
    Operation("get", f"{PROJECTS}/users", "List the users of all projects", "developer",
              query=UsersRequest, answer="Users"),
    Operation("get", PROJECT, "Read a project", "developer", answer="Project"),
    Operation("put", PROJECT, "Change name or description", "developer", body=ProjectUpdateRequest,
              answer="Project"),
    Operation("delete", PROJECT, "Delete a project", "developer", 204),
    Operation("get", f"{PROJECT}/stats", "Count users and keys", "developer", query=UsersRequest),
    Operation("get", f"{PROJECT}/users", "List the project's users", "developer", query=UsersRequest,
              answer="Users"),
    Operation("get", f"{PROJECT}/api-keys", "List the project's API keys", "developer", answer="Keys"),
    Operation("post", f"{PROJECT}/api-keys", "Create an API key, shown once", "developer", 201,
              body=KeyCreateRequest, answer="NewKey"),
    Operation("delete", PROJECT + "/api-keys/{api_key_id}", "Revoke an API key", "developer", 204),
    Operation("get", PROJECT_USER, "Read a user", "developer"),
    Operation("delete", PROJECT_USER, "Delete a user and all their data, also in a deleted project",
              "developer",
              204),
    Operation("put", f"{PROJECT_USER}/password", "Reset a user's password", "developer",
              body=PasswordResetRequest,
              optional_body=True, also={204: "The password that was sent is set"}),
    Operation("get", USAGE, "Read what was generated: a developer by project, user and time, "
              "an end user their own; CSV with `format=csv`", "account",
              query=("from", "to", "by", "format"), answer="Usage"),
)  # fmt: skip
