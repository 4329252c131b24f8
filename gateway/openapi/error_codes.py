"""The error codes of each operation: those of its credentials, of what it reads, and those that it declares."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from domain.errors import ErrorCode
from gateway.http.error_mapping import HTTP_ERRORS
from gateway.openapi.operation import Caller, Operation

Codes = tuple[ErrorCode, ...]

_ALWAYS: Final[Codes] = (
    ErrorCode.INVALID_REQUEST,
    ErrorCode.SERVER_BUSY,
    ErrorCode.STORE_UNAVAILABLE,
    ErrorCode.DAMAGED,
    ErrorCode.INTERNAL,
)
_AUTHORIZATION: Final[Codes] = (
    ErrorCode.AUTHORIZATION_REQUIRED,
    ErrorCode.AUTHORIZATION_MALFORMED,
    ErrorCode.INVALID_CREDENTIALS,
    ErrorCode.ROLE_HEADER_MALFORMED,
    ErrorCode.FORBIDDEN,
)
_REQUIRED: Final[Codes] = (
    ErrorCode.DEVELOPER_KEY_REQUIRED,
    ErrorCode.PROJECT_ID_REQUIRED,
    ErrorCode.API_KEY_REQUIRED,
)
_TOKEN: Final[Codes] = (
    *_AUTHORIZATION,
    ErrorCode.DEVELOPER_KEY_MALFORMED,
    ErrorCode.PROJECT_ID_MALFORMED,
    ErrorCode.API_KEY_MALFORMED,
    ErrorCode.INVALID_DEVELOPER_KEY,
    ErrorCode.REQUEST_LIMIT,
    ErrorCode.TIER_UNAVAILABLE,
)
_ACCESS_KEY: Final[Codes] = (*_TOKEN, ErrorCode.INSUFFICIENT_SCOPE)
_STAFF: Final[Codes] = (*_AUTHORIZATION, ErrorCode.LOGIN_LIMIT)
_OF_CALLER: Final[Mapping[Caller, Codes]] = {
    "public": (),
    "account": _ACCESS_KEY,
    "account_reader": _ACCESS_KEY,
    "submission": (*_ACCESS_KEY, *_REQUIRED, ErrorCode.ROLE_HEADER_REQUIRED, ErrorCode.GENERATION_LIMIT),
    "end_user": _ACCESS_KEY,
    "developer": _TOKEN,
    "operator": _STAFF,
    "auditor": _STAFF,
    "reader": (*_STAFF, *_TOKEN),
    "eraser": (*_STAFF, *_TOKEN),
    "holder": (*_STAFF, *_ACCESS_KEY),
    "program": (*_STAFF, *_TOKEN, *_REQUIRED),
    "ticket": (*_ACCESS_KEY, ErrorCode.INVALID_TICKET),
    "link": _ACCESS_KEY,
}
_BODY: Final[Codes] = (ErrorCode.BODY_TOO_LARGE, ErrorCode.REQUEST_TIMEOUT, ErrorCode.UNSUPPORTED_ENCODING)
_FORM: Final[Codes] = (
    ErrorCode.INVALID_MULTIPART,
    ErrorCode.MISSING_IMAGES,
    ErrorCode.TOO_MANY_IMAGES,
    ErrorCode.IMAGE_TOO_LARGE,
    ErrorCode.IMAGE_DIMENSIONS,
    ErrorCode.IMAGE_FORMAT,
    ErrorCode.MISSING_INSTRUCTIONS,
    ErrorCode.INSTRUCTIONS_JSON,
    ErrorCode.INSTRUCTIONS_TYPE,
    ErrorCode.INSTRUCTIONS_LENGTH,
    ErrorCode.INSTRUCTIONS_PROMPT,
    ErrorCode.INSTRUCTIONS_VALUE,
    ErrorCode.INVALID_METADATA,
    ErrorCode.HASH_MISMATCH,
)
_UNAVAILABLE: Final[Codes] = tuple(
    code for code, known in HTTP_ERRORS.items() if known.status == 503 and code is not ErrorCode.WEBHOOK_SECRET_LOST
)
_RECORDS: Final[Codes] = (
    *_UNAVAILABLE,
    ErrorCode.CONTENT_REFUSED,
    ErrorCode.IDEMPOTENCY_MISMATCH,
    ErrorCode.INVALID_WEBHOOK,
    ErrorCode.NOT_FOUND,
    ErrorCode.GONE,
    ErrorCode.CONFLICT,
)
_RECEIPT: Final[Codes] = (ErrorCode.RECEIPT_PENDING, ErrorCode.RECEIPTS_DISABLED, ErrorCode.CONFLICT, ErrorCode.GONE)
_OF_THE_LOG: Final = frozenset({"reader", "holder", "auditor", "operator", "eraser"})

_FEATURES: Final[Sequence[tuple[Callable[[Operation], bool], Codes]]] = (
    (lambda one: one.caller == "submission", _RECORDS),
    (lambda one: one.body is not None, _BODY),
    (lambda one: isinstance(one.body, Mapping) and "multipart/form-data" in one.body, _FORM),
    (lambda one: "{" in one.path or one.caller in _OF_THE_LOG, (ErrorCode.NOT_FOUND,)),
    (lambda one: "{generation_id}" in one.path, (ErrorCode.GONE,)),
    (lambda one: "Last-Event-ID" in one.headers or "wait" in one.query_names, (ErrorCode.STREAM_LIMIT,)),
    (lambda one: "Range" in one.headers, (ErrorCode.RANGE_NOT_SATISFIABLE,)),
    (lambda one: "receipt" in one.path or "receipt" in one.query_names, _RECEIPT),
    (lambda one: "personal_data" in one.query_names, (ErrorCode.GRANT_REQUIRED,)),
    (lambda one: one.caller in _OF_THE_LOG, (ErrorCode.UNKNOWN_POSITION, ErrorCode.CONFLICT)),
)


def codes_of(operation: Operation) -> Sequence[ErrorCode]:
    """List the codes that an operation may answer, in the order of the closed list."""
    found = {*_ALWAYS, *_OF_CALLER.get(operation.caller, ()), *operation.codes}
    for has, codes in _FEATURES:
        found.update(codes if has(operation) else ())
    return tuple(code for code in ErrorCode if code in found)


def codes_by_status(operation: Operation) -> Mapping[int, Sequence[ErrorCode]]:
    """Group them by the status of their answer; a request that is not valid HTTP is answered 400."""
    grouped: dict[int, list[ErrorCode]] = {400: [ErrorCode.INVALID_REQUEST]}
    for code in codes_of(operation):
        grouped.setdefault(HTTP_ERRORS[code].status, []).append(code)
    return dict(sorted(grouped.items()))
