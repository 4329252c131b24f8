"""The names of operations, from which generated clients name their functions."""

import re
from typing import Final, Literal

from domain.paths import (
    API,
    AUDIT_CHECKPOINT,
    AUTH,
    CONSOLE,
    DOCS,
    ERROR_PAGE,
    GENERATION,
    GENERATIONS,
    MCP,
    OLDER_GENERATION,
    OPENAI,
    OPERATIONS,
    OPERATIONS_SEARCH,
    PARKED,
    PROJECT_BULK,
    PROJECT_BULK_JOB,
    PROJECTIONS,
    PROJECTS,
    PROVIDER_CALLBACK,
    PUBLIC_GENERATIONS,
    SUBMIT,
    WEBHOOK_KEYS,
)

Method = Literal["get", "post", "put", "patch", "delete"]

_VERBS: Final[dict[Method, str]] = {
    "get": "read",
    "post": "create",
    "put": "set",
    "patch": "update",
    "delete": "delete",
}
# A last part of a path that is a verb.
_ACTIONS: Final = frozenset({
    "acknowledge", "cancel", "discard", "disable", "enable", "explain", "lease", "login", "logout", "recover",
    "refresh", "register", "replay", "replay-missing", "resend", "retry", "rotate", "search", "start", "test",
})  # fmt: skip
# A last part that names one thing although it ends as a plural does.
_SINGULAR: Final = frozenset({"access", "status", "stats", "usage", "redis"})
# Beginnings of paths, and the nouns from which their operations are named.
_NOUNS: Final = (
    (f"{GENERATIONS}/events", "all-generation-events"),
    (f"{GENERATION}/image", "generations/{generation_id}/first-image"),
    (SUBMIT, "generations"),
    (PUBLIC_GENERATIONS, "public-generations"),
    (GENERATIONS, "generations"),
    (OLDER_GENERATION.rpartition("/")[0], "older-generations"),
    (f"{PROJECTS}/stats", "all-project-stats"),
    (f"{PROJECTS}/users", "all-project-users"),
    (PROJECT_BULK, "bulk-jobs"),
    (PARKED, "parked-events"),
    (PROVIDER_CALLBACK, "provider-callbacks"),
    (WEBHOOK_KEYS, "webhook-keys"),
    (OPERATIONS, ""),
    (AUTH, ""),
    (OPENAI, ""),
    (API, ""),
)
_NAMES: Final = {
    ("get", "/"): "readService",
    ("get", "/health"): "readServiceHealth",
    ("get", "/health/live"): "readLiveness",
    ("get", "/health/ready"): "readReadiness",
    ("post", MCP): "sendMcpMessage",
    ("get", CONSOLE): "enterConsole",
    ("post", f"{AUTH}/password"): "changePassword",
    ("post", AUDIT_CHECKPOINT): "cosignAuditCheckpoint",
    ("get", OPERATIONS_SEARCH): "searchRequests",
    ("get", PROJECTIONS): "readProjections",
    ("post", f"{PROJECTIONS}/drift"): "checkProjections",
    ("post", f"{PROJECTIONS}/rebuild"): "rebuildProjections",
    ("delete", PROJECT_BULK_JOB): "cancelBulkJob",
    ("get", DOCS): "readApiPage",
    ("get", ERROR_PAGE): "readErrorPage",
}


def operation_id(method: Method, path: str) -> str:
    """Name an operation: `listProjectUsers`, `readGeneration`, `rotateWebhookSecret`."""
    if (method, path) in _NAMES:
        return _NAMES[method, path]
    suffix = "WithSlash" if path.endswith("/") else ""
    parts = _parts(path)
    *nouns, last = [part for part in parts if not part.startswith("{")]
    if last in _ACTIONS and not parts[-1].startswith("{"):
        return _camel([*last.split("-"), *map(_one, nouns)]) + suffix
    is_list = not parts[-1].startswith("{") and last.endswith("s") and last not in _SINGULAR
    if method == "get" and is_list:
        return _camel(["list", *map(_one, nouns), last]) + suffix
    return _camel([_VERBS[method], *map(_one, nouns), last if last in _SINGULAR else _one(last)]) + suffix


def _parts(path: str) -> list[str]:
    for known, nouns in _NOUNS:
        if path == known or path.startswith(f"{known}/"):
            path = nouns + path.removeprefix(known)
            break
    return [part for part in path.split("/") if part]


def _one(word: str) -> str:
    """Make a word singular."""
    if word in _SINGULAR:
        return word
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def _camel(parts: list[str]) -> str:
    first, *others = [part for one in parts for part in re.split(r"[^A-Za-z0-9]+", one) if part]
    return first.lower() + "".join(part[:1].upper() + part[1:] for part in others)
