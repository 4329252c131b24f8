"""The mapping of errors to HTTP: the status and text of each error code, the code of each exception."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

import structlog
from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, TierError
from events.catalogue import UnknownEventError
from gateway.http.bodies import UNREADABLE, field_error
from store.errors import (
    DamagedBlobError,
    DamagedCommitError,
    DamagedLedgerError,
    StoreUnavailableError,
    WriteRefusedError,
)

_log = structlog.get_logger()


class HttpError(NamedTuple):
    """The status, text and headers of an error code; an error's own message replaces the text."""

    status: int
    detail: str
    headers: Mapping[str, str] = {}


class MappedError(NamedTuple):
    """An exception as an error of the API; `status` replaces the one of its code."""

    error: ExemplarError
    status: int | None = None
    headers: Mapping[str, str] = {}


_BEARER: Final = {"WWW-Authenticate": "Bearer"}
_LATER: Final = {"Retry-After": "60"}  # where no control says when it ends
# The sentences that clients of the older API know; what is wrong with a header is told by the code.
_NOT_VALIDATED: Final = "Could not validate credentials"
_NOT_PERMITTED: Final = "Insufficient permissions for this operation"
_NO_KEY: Final = "Invalid or revoked developer key"
_KEPT_HEADERS: Final = frozenset({"Allow", "Content-Range"})

HTTP_ERRORS: Final[Mapping[ErrorCode, HttpError]] = {
    ErrorCode.INVALID_REQUEST: HttpError(422, "The request is not valid"),
    ErrorCode.INVALID_MULTIPART: HttpError(422, "The body is not valid multipart/form-data"),
    ErrorCode.MISSING_IMAGES: HttpError(422, "field required"),
    ErrorCode.TOO_MANY_IMAGES: HttpError(422, "Maximum 5 example images allowed"),
    ErrorCode.IMAGE_TOO_LARGE: HttpError(413, "File size exceeds maximum allowed size of 10MB"),
    ErrorCode.IMAGE_DIMENSIONS: HttpError(422, "Image dimensions exceed the maximum allowed size"),
    ErrorCode.IMAGE_FORMAT: HttpError(422, "Invalid file format. Supported formats: JPEG, PNG, WebP"),
    ErrorCode.MISSING_INSTRUCTIONS: HttpError(422, "field required"),
    ErrorCode.INSTRUCTIONS_JSON: HttpError(422, "Invalid JSON format"),
    ErrorCode.INSTRUCTIONS_TYPE: HttpError(422, "Instructions must be a JSON object"),
    ErrorCode.INSTRUCTIONS_LENGTH: HttpError(422, "Instructions must be between 1 and 1000 characters"),
    ErrorCode.INSTRUCTIONS_PROMPT: HttpError(422, "field required"),
    ErrorCode.INSTRUCTIONS_VALUE: HttpError(422, "The instructions are not valid"),
    ErrorCode.INVALID_METADATA: HttpError(422, "The metadata is not valid"),
    ErrorCode.INVALID_WEBHOOK: HttpError(422, "The webhook is not valid"),
    ErrorCode.CONTENT_REFUSED: HttpError(422, "The instructions are refused by the content rules of this service"),
    ErrorCode.HASH_MISMATCH: HttpError(409, "An image does not have the expected hash"),
    ErrorCode.IDEMPOTENCY_MISMATCH: HttpError(422, "Idempotency-Key was already used with different content"),
    ErrorCode.AUTHORIZATION_REQUIRED: HttpError(401, _NOT_VALIDATED, _BEARER),
    ErrorCode.AUTHORIZATION_MALFORMED: HttpError(401, _NOT_VALIDATED, _BEARER),
    ErrorCode.INVALID_CREDENTIALS: HttpError(401, _NOT_VALIDATED, _BEARER),
    ErrorCode.INVALID_LOGIN: HttpError(401, "Incorrect email or password", _BEARER),
    ErrorCode.INVALID_TICKET: HttpError(401, "The ticket is not valid or has expired", _BEARER),
    ErrorCode.GRANT_REQUIRED: HttpError(403, "Personal data need a grant that is valid now"),
    ErrorCode.ROLE_HEADER_REQUIRED: HttpError(403, "X-User-Role header is required"),
    ErrorCode.ROLE_HEADER_MALFORMED: HttpError(403, _NOT_PERMITTED),
    ErrorCode.DEVELOPER_KEY_REQUIRED: HttpError(403, _NO_KEY),
    ErrorCode.DEVELOPER_KEY_MALFORMED: HttpError(403, _NO_KEY),
    ErrorCode.PROJECT_ID_REQUIRED: HttpError(403, _NOT_PERMITTED),
    ErrorCode.PROJECT_ID_MALFORMED: HttpError(403, _NOT_PERMITTED),
    ErrorCode.API_KEY_REQUIRED: HttpError(403, _NOT_PERMITTED),
    ErrorCode.API_KEY_MALFORMED: HttpError(403, _NOT_PERMITTED),
    ErrorCode.FORBIDDEN: HttpError(403, _NOT_PERMITTED),
    ErrorCode.INSUFFICIENT_SCOPE: HttpError(403, "The access key does not have the scope for this operation"),
    ErrorCode.INVALID_DEVELOPER_KEY: HttpError(403, _NO_KEY),
    ErrorCode.GENERATION_LIMIT: HttpError(429, "AI generation rate limit exceeded. Try again later."),
    ErrorCode.REQUEST_LIMIT: HttpError(429, "API rate limit exceeded. Try again later."),
    ErrorCode.LOGIN_LIMIT: HttpError(429, "Too many login attempts. Try again later."),
    ErrorCode.KEY_LIMIT: HttpError(400, "Maximum of active keys reached. Revoke one first."),
    ErrorCode.PROJECT_LIMIT: HttpError(400, "Maximum of projects reached for the tier"),
    ErrorCode.WEBHOOK_LIMIT: HttpError(409, "Maximum of webhook endpoints reached. Remove one first."),
    ErrorCode.ROTATION_LIMIT: HttpError(409, "Maximum of overlapping webhook secrets reached. Try again later."),
    ErrorCode.BULK_LIMIT: HttpError(409, "Maximum of running bulk jobs reached. Let one end or cancel it first."),
    ErrorCode.SELECTION_TOO_LARGE: HttpError(422, "The filter finds too much for one bulk job"),
    ErrorCode.CONSUMER_LIMIT: HttpError(409, "Maximum of consumers reached. Remove one first."),
    ErrorCode.CONSUMER_LEASED: HttpError(409, "Another program has leased this consumer", {"Retry-After": "1"}),
    ErrorCode.LEASE_LOST: HttpError(409, "The lease has ended, and another one began or the consumer was moved"),
    ErrorCode.UNKNOWN_POSITION: HttpError(422, "The log does not have this position"),
    ErrorCode.STREAM_LIMIT: HttpError(429, "Too many open event streams. Close one or try again later."),
    ErrorCode.RECEIPT_PENDING: HttpError(409, "The receipt cannot be made yet", {"Retry-After": "60"}),
    ErrorCode.RECEIPTS_DISABLED: HttpError(404, "This server signs no receipts"),
    ErrorCode.MCP_NOT_INSTALLED: HttpError(404, "This server does not speak MCP"),
    ErrorCode.NOT_FOUND: HttpError(404, "Not found"),
    ErrorCode.METHOD_NOT_ALLOWED: HttpError(405, "Method not allowed"),
    ErrorCode.CONFLICT: HttpError(409, "Conflict"),
    ErrorCode.GONE: HttpError(410, "Gone"),
    ErrorCode.BODY_TOO_LARGE: HttpError(413, "Request body too large"),
    ErrorCode.REQUEST_TIMEOUT: HttpError(408, "The request body did not arrive in time"),
    ErrorCode.UNSUPPORTED_ENCODING: HttpError(415, "Content-Encoding is not supported"),
    ErrorCode.RANGE_NOT_SATISFIABLE: HttpError(416, "The range begins after the end"),
    ErrorCode.SERVER_BUSY: HttpError(503, "The server is busy. Try again later.", {"Retry-After": "2"}),
    ErrorCode.MAINTENANCE: HttpError(503, "The service is under maintenance. Try again later.", _LATER),
    ErrorCode.PROVIDER_STOPPED: HttpError(503, "The image model is not called at the moment. Try again later.", _LATER),
    ErrorCode.PAUSED: HttpError(503, "An operator has paused this project. Try again later.", _LATER),
    ErrorCode.QUEUE_FULL: HttpError(503, "Too many generations are waiting. Try again later.", _LATER),
    ErrorCode.WEBHOOK_SECRET_LOST: HttpError(
        503, "The webhook secret cannot be read. Rotate it.", {"Retry-After": "60"}
    ),
    ErrorCode.MODERATION_UNAVAILABLE: HttpError(
        503, "The instructions cannot be checked at the moment. Try again later.", {"Retry-After": "5"}
    ),
    ErrorCode.STORE_UNAVAILABLE: HttpError(
        503, "The service is temporarily unavailable. Try again later.", {"Retry-After": "5"}
    ),
    ErrorCode.TIER_UNAVAILABLE: HttpError(
        503, "The tier of this account is not available at the moment", {"Retry-After": "60"}
    ),
    ErrorCode.UNFINISHED: HttpError(504, "The generation has not finished in time; it continues"),
    ErrorCode.DAMAGED: HttpError(500, "The stored picture is damaged"),
    ErrorCode.INTERNAL: HttpError(500, "Internal server error"),
}

_PHRASES: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
_CODE_OF_STATUS: Final = {
    401: ErrorCode.INVALID_CREDENTIALS,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    409: ErrorCode.CONFLICT,
    410: ErrorCode.GONE,
    413: ErrorCode.BODY_TOO_LARGE,
    415: ErrorCode.UNSUPPORTED_ENCODING,
    416: ErrorCode.RANGE_NOT_SATISFIABLE,
    503: ErrorCode.SERVER_BUSY,
}


def phrase_of(status: int) -> str:
    """Return the reason phrase of RFC 9110, which Python knows from 3.13 on."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def map_error(error: Exception) -> MappedError:
    """Map any exception to an error of the API, and log those that an operator should know."""
    match error:
        case ExemplarError():
            if isinstance(error, TierError):
                _log.error("tier_not_configured", tier=error.tier, setting="EXEMPLAR_TIERS")
            return MappedError(error)
        case web.HTTPException():
            kept = {name: value for name, value in error.headers.items() if name in _KEPT_HEADERS}
            other = ErrorCode.INVALID_REQUEST if error.status < 500 else ErrorCode.INTERNAL
            return MappedError(ExemplarError(_CODE_OF_STATUS.get(error.status, other)), error.status, kept)
        case DamagedCommitError():
            message = "A stored event is damaged: `exemplar audit verify` names it"
            return MappedError(ExemplarError(_code_of_failure(error), message))
        case json.JSONDecodeError() | UnicodeDecodeError():
            return MappedError(field_error("Invalid JSON format", "value_error.json"))
        case _ if isinstance(error, UNREADABLE):
            # As where the same fault arrives in one packet with the header, which no handler sees.
            return MappedError(ExemplarError(ErrorCode.INVALID_REQUEST), HTTPStatus.BAD_REQUEST)
        case _:
            return MappedError(ExemplarError(_code_of_failure(error)))


def _code_of_failure(error: Exception) -> ErrorCode:
    match error:
        case StoreUnavailableError():
            _log.warning("store_unavailable", error=type(error).__name__)
            return ErrorCode.STORE_UNAVAILABLE
        case DamagedLedgerError():
            _log.error("ledger_damaged", developer=error.developer, repair_command="exemplar quota check --repair")
            return ErrorCode.STORE_UNAVAILABLE
        case DamagedCommitError():
            _log.error("commit_unreadable", commit=error.commit, error=error.reason)
            return ErrorCode.DAMAGED
        case WriteRefusedError():
            _log.error("write_refused", error=error)
            return ErrorCode.INTERNAL
        case DamagedBlobError():
            return ErrorCode.DAMAGED  # logged where it was read
        case UnknownEventError():
            # A newer process wrote it: another gateway may be upgraded already, and this one will be.
            _log.warning("newer_version_needed", error=error)
            return ErrorCode.SERVER_BUSY
        case TimeoutError():
            _log.warning("request_timed_out", exc_info=error)
            return ErrorCode.SERVER_BUSY
        case _:
            _log.error("request_failed", exc_info=error)
            return ErrorCode.INTERNAL
