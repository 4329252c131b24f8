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
from gateway.accounts import requests as bodies
from gateway.accounts.histories import HistoryRequest
from gateway.openapi.operation import delete, get, post, put

_SET: Final = {204: "The password that was sent is set"}
_USAGE: Final = (
    "Read what was generated: a developer by project, user and time, an end user their own; CSV with `format=csv`"
)

ACCOUNT_OPERATIONS: Final = (
    post(f"{AUTH}/login", "Exchange e-mail and password for tokens", "public", body=bodies.LoginRequest,
         answer="Tokens", headers=("X-Project-ID",)),
    post(f"{AUTH}/refresh", "Exchange a refresh token, which works once, for new tokens", "public",
         body=bodies.RefreshRequest, answer="Tokens"),
    post(f"{AUTH}/logout", "End the session of the token", "account", 204),
    post(f"{AUTH}/register", "Register an end user, or with X-Operator-Key a developer", "program", 201,
         body=bodies.DeveloperCreateRequest, answer="Registration"),
    post(f"{AUTH}/password", "Set your password; all other sessions end", "account", 204,
         body=bodies.PasswordChangeRequest),
    get(f"{AUTH}/me", "Read your account", "account", answer="Account"),
    delete(f"{AUTH}/me", "Delete your account and all its data", "end_user", 204,
           body=bodies.DeletionRequest),
    get(DEVELOPER_KEYS, "List your developer keys", "developer", answer="Keys"),
    post(DEVELOPER_KEYS, "Create a developer key, shown once", "developer", 201, body=bodies.KeyCreateRequest,
         answer="NewKey"),
    delete(DEVELOPER_KEYS + "/{key_id}", "Revoke a developer key", "developer", 204),
    get(DEVELOPERS, "List all developers, newest first", "operator", query=bodies.DevelopersRequest,
        answer="Developers"),
    get(DEVELOPER, "Read a developer", "operator", answer="Account"),
    put(f"{DEVELOPER}/tier", "Change the tier of a developer", "operator", body=bodies.TierRequest,
        answer="Account"),
    put(f"{DEVELOPER}/password", "Reset a developer's password", "operator", body=bodies.PasswordResetRequest,
        optional_body=True, also=_SET),
    *(
        get(f"{path}/history", f"Read {events}", "auditor", query=HistoryRequest, answer="History")
        for path, events in (
            (DEVELOPER, "a developer's events"),
            (GENERATION, "the events of any generation"),
            (PLATFORM, "the events of the platform"),
        )
    ),
    *(get(path, "List your projects", "developer", answer="Projects") for path in (PROJECTS, f"{PROJECTS}/")),
    *(
        post(path, "Create a project", "developer", 201, body=bodies.ProjectCreateRequest, answer="Created")
        for path in (PROJECTS, f"{PROJECTS}/")
    ),
    get(f"{PROJECTS}/stats", "Count projects, users and keys", "developer", query=bodies.UsersRequest),
    get(f"{PROJECTS}/users", "List the users of all projects", "developer", query=bodies.UsersRequest,
        answer="Users"),
    get(PROJECT, "Read a project", "developer", answer="Project"),
    put(PROJECT, "Change name or description", "developer", body=bodies.ProjectUpdateRequest,
        answer="Project"),
    delete(PROJECT, "Delete a project", "developer", 204),
    get(f"{PROJECT}/stats", "Count users and keys", "developer", query=bodies.UsersRequest),
    get(f"{PROJECT}/users", "List the project's users", "developer", query=bodies.UsersRequest,
        answer="Users"),
    get(f"{PROJECT}/api-keys", "List the project's API keys", "developer", answer="Keys"),
    post(f"{PROJECT}/api-keys", "Create an API key, shown once", "developer", 201,
         body=bodies.KeyCreateRequest, answer="NewKey"),
    delete(PROJECT + "/api-keys/{api_key_id}", "Revoke an API key", "developer", 204),
    get(PROJECT_USER, "Read a user", "developer"),
    delete(PROJECT_USER, "Delete a user and all their data, also in a deleted project", "developer", 204),
    put(f"{PROJECT_USER}/password", "Reset a user's password", "developer", body=bodies.PasswordResetRequest,
        optional_body=True, also=_SET),
    get(USAGE, _USAGE, "account", query=("from", "to", "by", "format"), answer="Usage"),
)  # fmt: skip
