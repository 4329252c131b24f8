"""The operations about accounts, projects, keys, usage and histories."""

from typing import Final

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

_AUTH: Final = "/api/v1/auth"
_KEYS: Final = f"{_AUTH}/developer-keys"
_DEVELOPERS: Final = "/api/v1/developers"
_DEVELOPER: Final = _DEVELOPERS + "/{developer_id}"
_PROJECTS: Final = "/api/v1/projects"
_PROJECT: Final = _PROJECTS + "/{project_id}"
_USER: Final = _PROJECT + "/users/{user_id}"

ACCOUNTS: Final = (
    Operation("post", f"{_AUTH}/login", "Exchange e-mail and password for tokens", "anybody",
              body=LoginRequest, answer="Tokens", headers=("X-Project-ID",)),
    Operation("post", f"{_AUTH}/refresh", "Exchange a refresh token, which works once, for new tokens",
              "anybody", body=RefreshRequest, answer="Tokens"),
    Operation("post", f"{_AUTH}/logout", "End the session of the token", "account", 204),
    Operation("post", f"{_AUTH}/register", "Register an end user, or with X-Operator-Key a developer",
              "program", 201, body=DeveloperCreateRequest, answer="Registration"),
    Operation("post", f"{_AUTH}/password", "Set one's own password; every other session ends", "account",
              204, body=PasswordChangeRequest),
    Operation("get", f"{_AUTH}/me", "Read one's own account", "account", answer="Account"),
    Operation("delete", f"{_AUTH}/me", "Delete oneself and all that is one's own", "end_user", 204,
              body=DeletionRequest),
    Operation("get", _KEYS, "List one's developer keys", "developer", answer="Keys"),
    Operation("post", _KEYS, "Make a developer key, shown this once", "developer", 201,
              body=KeyCreateRequest, answer="NewKey"),
    Operation("delete", _KEYS + "/{key_id}", "Revoke a developer key", "developer", 204),
    Operation("get", _DEVELOPERS, "List all developers, newest first", "operator",
              query=DevelopersRequest, answer="Developers"),
    Operation("get", _DEVELOPER, "Read a developer", "operator", answer="Account"),
    Operation("put", f"{_DEVELOPER}/tier", "Put a developer under another tier", "operator",
              body=TierRequest, answer="Account"),
    Operation("put", f"{_DEVELOPER}/password", "Reset a developer's password", "operator",
              body=PasswordResetRequest, optional_body=True, also={204: "The password that was sent is set"}),
    Operation("get", f"{_DEVELOPER}/history", "Read a developer's events", "overseer",
              query=HistoryRequest, answer="History"),
    Operation("get", "/api/v1/generation/generations-v2/{generation_id}/history",
              "Read a generation's events, of whomever", "overseer", query=HistoryRequest, answer="History"),
    Operation("get", "/api/v1/platform/history", "Read who came to the platform and went", "overseer",
              query=HistoryRequest, answer="History"),
    *(
        operation
        for path in (_PROJECTS, f"{_PROJECTS}/")
        for operation in (
            Operation("get", path, "List one's projects", "developer", answer="Projects"),
            Operation("post", path, "Make a project", "developer", 201, body=ProjectCreateRequest,
                      answer="Created"),
        )
    ),
    Operation("get", f"{_PROJECTS}/stats", "Count projects, users and keys", "developer", query=UsersRequest),
    Operation("get", f"{_PROJECTS}/users", "List the users of all projects", "developer",
              query=UsersRequest, answer="Users"),
    Operation("get", _PROJECT, "Read a project", "developer", answer="Project"),
    Operation("put", _PROJECT, "Change name or description", "developer", body=ProjectUpdateRequest,
              answer="Project"),
    Operation("delete", _PROJECT, "Close a project for good", "developer", 204),
    Operation("get", f"{_PROJECT}/stats", "Count users and keys", "developer", query=UsersRequest),
    Operation("get", f"{_PROJECT}/users", "List the project's users", "developer", query=UsersRequest,
              answer="Users"),
    Operation("get", f"{_PROJECT}/api-keys", "List the project's API keys", "developer", answer="Keys"),
    Operation("post", f"{_PROJECT}/api-keys", "Make an API key, shown this once", "developer", 201,
              body=KeyCreateRequest, answer="NewKey"),
    Operation("delete", _PROJECT + "/api-keys/{api_key_id}", "Revoke an API key", "developer", 204),
    Operation("get", _USER, "Read a user", "developer"),
    Operation("delete", _USER, "Delete a user, of a deleted project too; all of his is erased", "developer",
              204),
    Operation("put", f"{_USER}/password", "Reset a user's password", "developer", body=PasswordResetRequest,
              optional_body=True, also={204: "The password that was sent is set"}),
    Operation("get", "/api/v1/usage", "Read what was generated: a developer by project, user and time, "
              "an end user his own; CSV with `format=csv`", "account",
              query=("from", "to", "by", "format"), answer="Usage"),
)  # fmt: skip
