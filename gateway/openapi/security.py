"""The credentials of operations."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.openapi.operation import Caller


def _token(role: str) -> dict[str, Any]:
    described = f"The access token of {role}: `Authorization: Bearer ...`, from a login"
    return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": described}


def _header(name: str, meaning: str) -> dict[str, Any]:
    return {"type": "apiKey", "in": "header", "name": name, "description": meaning}


SCHEMES: Final[Mapping[str, dict[str, Any]]] = {
    "end_user_token": _token("an end user"),
    "developer_token": _token("a developer"),
    "operator_token": _token("an operator"),
    "auditor_token": _token("an auditor"),
    "access_key": {"type": "http", "scheme": "bearer", "description": "An access key of an end user: `ek_...`"},
    "role": _header("X-User-Role", "`end_user`"),
    "developer_key": _header("X-Developer-Key", "A key of the developer: `ak_...`"),
    "project": _header("X-Project-ID", "The project of the token"),
    "api_key": _header("X-API-Key", "A key of the project: `pk_...`"),
    "operator_key": _header("X-Operator-Key", "The key of the operator"),
    "ticket": {"type": "apiKey", "in": "query", "name": "ticket", "description": "A ticket for one stream"},
    "link": {"type": "apiKey", "in": "query", "name": "signature", "description": "The signature of a signed link"},
}
_USER: Final = (("end_user_token",), ("access_key",))
_STAFF: Final = (("operator_key",), ("operator_token",))
_READERS: Final = (*_STAFF, ("auditor_token",))
_HOLDERS: Final = (*_USER, ("developer_token",))
# Alternatives of credentials; the members of one alternative are sent together.
CREDENTIALS: Final[Mapping[Caller, tuple[tuple[str, ...], ...]]] = {
    "public": (),
    "account": (("end_user_token",), ("developer_token",), ("operator_token",), ("auditor_token",)),
    "account_reader": (*_HOLDERS, ("operator_token",), ("auditor_token",)),
    "end_user": _USER,
    "developer": (("developer_token",),),
    "submission": (("access_key",), ("end_user_token", "role", "developer_key", "project", "api_key")),
    "operator": _STAFF,
    "auditor": _READERS,
    "reader": (*_READERS, ("developer_token",)),
    "eraser": (*_STAFF, ("developer_token",)),
    "holder": (*_READERS, *_HOLDERS),
    "program": (("developer_key", "project", "api_key"), ("operator_key",)),
    "ticket": (*_HOLDERS, ("ticket",)),
    "link": (("link",), *_USER, ()),  # public pictures need no credentials
}


def security_of(caller: Caller) -> list[dict[str, list[str]]]:
    """List the alternatives of credentials."""
    return [{name: [] for name in group} for group in CREDENTIALS[caller]]
