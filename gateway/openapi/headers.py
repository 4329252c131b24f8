"""The headers of answers."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.errors import ErrorCode
from gateway.http.error_mapping import HTTP_ERRORS
from gateway.openapi.operation import Caller, Operation

_TEXT: Final = {"type": "string"}
_WHOLE: Final = {"type": "integer", "minimum": 0}

HEADERS: Final[Mapping[str, dict[str, Any]]] = {
    name: {"description": meaning, "schema": schema}
    for name, schema, meaning in (
        ("X-Request-ID", _TEXT, "The id of the request: yours, or a new one"),
        ("RateLimit", _TEXT, "What is left of each limit, where the tier has limits (draft-ietf-httpapi-ratelimit)"),
        ("RateLimit-Policy", _TEXT, "The limits of the tier, where it has some"),
        ("Retry-After", _WHOLE, "Seconds after which to ask again"),
        ("ETag", _TEXT, "The version of the answer, for If-None-Match"),
        ("Location", {"type": "string", "format": "uri-reference"}, "The address that follows"),
        ("Idempotency-Replayed", {"const": "true"}, "The request was recorded before under its Idempotency-Key"),
        ("Preference-Applied", _TEXT, "The preference that was applied"),
        ("WWW-Authenticate", _TEXT, "The scheme of credentials"),
        ("Content-Range", _TEXT, "Which part of the whole the answer is, or how large the whole is"),
        ("Content-Disposition", _TEXT, "The name under which to store the answer"),
        ("X-Should-Retry", {"enum": ["true", "false"]}, "Whether clients of OpenAI's API send the request again"),
    )
}
_UNCOUNTED: Final[frozenset[Caller]] = frozenset({"public", "operator", "auditor"})


def headers_of(operation: Operation, status: int) -> dict[str, Any]:
    """Describe the headers of an answer by its status."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in _names(operation, status)}


def headers_of_errors(status: int, codes: tuple[ErrorCode, ...], *further: str) -> dict[str, Any]:
    """Describe the headers of errors with these codes."""
    names = ["X-Request-ID", *further]
    if status == 429 or any("Retry-After" in HTTP_ERRORS[code].headers for code in codes):
        names.append("Retry-After")
    names += ["WWW-Authenticate"] if status == 401 else ["Content-Range"] if status == 416 else []
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _names(operation: Operation, status: int) -> Iterator[str]:
    yield "X-Request-ID"
    if operation.caller not in _UNCOUNTED:
        yield from ("RateLimit", "RateLimit-Policy")
    if 304 in operation.also and status in (200, 206, 304):
        yield "ETag"
    if "wait" in operation.query_names and status == 200:
        yield "Retry-After"
    if status == 303:
        yield "Location"
    if operation.caller == "submission" and status in (200, 202):
        yield from ("Location", "Idempotency-Replayed")
    if "Prefer" in operation.headers and status in (200, 202):
        yield "Preference-Applied"
    if status == 206:
        yield "Content-Range"
    if isinstance(operation.answer, Mapping) and "text/csv" in operation.answer:
        yield "Content-Disposition"
