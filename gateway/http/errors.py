"""The one place where an error becomes an answer.

Bodies are those of the API's documentation: ``detail`` (a sentence, or a list of ``{loc, msg, type}``),
beside it always ``code`` and ``request_id``, for a limit ``retry_after``. A client that accepts
``application/problem+json`` gets RFC 9457 with the same members.
"""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from domain.errors import ErrorCode, ExemplarError, FieldError, FieldsError, LimitError, TierError
from gateway.http.bodies import UNREADABLE
from gateway.http.error_log import CODE
from gateway.http.request_ids import request_id_of
from store.errors import DamagedLedgerError, StoreUnavailableError

_log = structlog.get_logger()

"""The code of the answer, on a request that was refused; whoever counts refusals reads it."""


class Answer(NamedTuple):
    """Status and sentence of a code; the sentence gives way to an error's own message where it has one."""

    status: int
    detail: str
    headers: Mapping[str, str] = {}


_BEARER: Final = {"WWW-Authenticate": "Bearer"}
_CLOSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
_TOLD: Final = frozenset({"Allow", "Content-Range"})
_FORBIDDEN: Final = "Insufficient permissions for this operation"

ANSWERS: Final[Mapping[ErrorCode, Answer]] = {
    ErrorCode.INVALID_REQUEST: Answer(422, "The request is not valid"),
    ErrorCode.INVALID_MULTIPART: Answer(422, "The body is not valid multipart/form-data"),
    ErrorCode.MISSING_IMAGES: Answer(422, "field required"),
    ErrorCode.TOO_MANY_IMAGES: Answer(422, "Maximum 5 example images allowed"),
    ErrorCode.IMAGE_TOO_LARGE: Answer(413, "File size exceeds maximum allowed size of 10MB"),
    ErrorCode.IMAGE_DIMENSIONS: Answer(422, "Image dimensions exceed the maximum allowed size"),
    ErrorCode.IMAGE_FORMAT: Answer(422, "Invalid file format. Supported formats: JPEG, PNG, WebP"),
    ErrorCode.MISSING_INSTRUCTIONS: Answer(422, "field required"),
    ErrorCode.INSTRUCTIONS_JSON: Answer(422, "Invalid JSON format"),
    ErrorCode.INSTRUCTIONS_TYPE: Answer(422, "Instructions must be a JSON object"),
    ErrorCode.INSTRUCTIONS_LENGTH: Answer(422, "Instructions must be between 1 and 1000 characters"),
    ErrorCode.INSTRUCTIONS_PROMPT: Answer(422, "field required"),
    ErrorCode.INSTRUCTIONS_VALUE: Answer(422, "The instructions are not valid"),
    ErrorCode.INVALID_METADATA: Answer(422, "The metadata is not valid"),
    ErrorCode.INVALID_WEBHOOK: Answer(422, "The webhook is not valid"),
    ErrorCode.IDEMPOTENCY_MISMATCH: Answer(422, "Idempotency-Key was already used with different content"),
    ErrorCode.INVALID_CREDENTIALS: Answer(401, "Could not validate credentials", _BEARER),
    ErrorCode.INVALID_LOGIN: Answer(401, "Incorrect email or password", _BEARER),
    ErrorCode.INVALID_TICKET: Answer(401, "The ticket is not valid or has expired", _BEARER),
    ErrorCode.ROLE_HEADER_REQUIRED: Answer(403, "X-User-Role header is required"),
    ErrorCode.FORBIDDEN: Answer(403, _FORBIDDEN),
    ErrorCode.INVALID_DEVELOPER_KEY: Answer(403, "Invalid or revoked developer key"),
    ErrorCode.GENERATION_LIMIT: Answer(429, "AI generation rate limit exceeded. Try again later."),
    ErrorCode.REQUEST_LIMIT: Answer(429, "API rate limit exceeded. Try again later."),
    ErrorCode.LOGIN_LIMIT: Answer(429, "Too many login attempts. Try again later."),
    ErrorCode.KEY_LIMIT: Answer(400, "Maximum of active keys reached. Revoke one first."),
    ErrorCode.PROJECT_LIMIT: Answer(400, "Maximum of projects reached for the tier"),
    ErrorCode.WEBHOOK_LIMIT: Answer(409, "Maximum of webhook endpoints reached. Remove one first."),
    ErrorCode.ROTATION_LIMIT: Answer(409, "Maximum of overlapping webhook secrets reached. Try again later."),
    ErrorCode.STREAM_LIMIT: Answer(429, "Too many open event streams. Close one or try again later."),
    ErrorCode.NOT_FOUND: Answer(404, "Not found"),
    ErrorCode.METHOD_NOT_ALLOWED: Answer(405, "Method not allowed"),
    ErrorCode.CONFLICT: Answer(409, "Conflict"),
    ErrorCode.GONE: Answer(410, "Gone"),
    ErrorCode.BODY_TOO_LARGE: Answer(413, "Request body too large"),
    ErrorCode.REQUEST_TIMEOUT: Answer(408, "The request body did not arrive in time"),
    ErrorCode.UNSUPPORTED_ENCODING: Answer(415, "Content-Encoding is not supported"),
    ErrorCode.RANGE_NOT_SATISFIABLE: Answer(416, "The range begins behind the end"),
    ErrorCode.SERVER_BUSY: Answer(503, "The server is busy. Try again later.", {"Retry-After": "2"}),
    ErrorCode.WEBHOOK_SECRET_LOST: Answer(
        503, "The webhook secret cannot be read. Rotate it.", {"Retry-After": "60"}
    ),
    ErrorCode.STORE_UNAVAILABLE: Answer(
        503, "The service is temporarily unavailable. Try again later.", {"Retry-After": "5"}
    ),
    ErrorCode.TIER_UNAVAILABLE: Answer(
        503, "The tier of this account is not available at the moment", {"Retry-After": "60"}
    ),
    ErrorCode.INTERNAL: Answer(500, "Internal server error"),
}

_OF_STATUS: Final = {
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


def error_response(
    error: ExemplarError,
    *,
    request_id: str,
    accept: str = "",
    status: int | None = None,
    members: Mapping[str, object] | None = None,
) -> web.Response:
    """Write the answer to an error.

    ``accept`` is the request's Accept header; ``status`` replaces the code's own, ``members`` are added to
    the body (an ``id``, for one).
    """
    answer = ANSWERS[error.code]
    status = answer.status if status is None else status
    headers = dict(answer.headers)
    body: dict[str, object] = {"detail": _detail(error, answer), "code": error.code.value}
    if isinstance(error, LimitError):
        body["retry_after"] = error.retry_after
        headers["Retry-After"] = str(error.retry_after)
    body |= {"request_id": request_id, **(members or {})}
    if wants_problem(accept):
        return _response(status, _problem(error, status, body), headers, "application/problem+json")
    return _response(status, body, headers, "application/json")


def wants_problem(accept: str) -> bool:
    """Tell whether an Accept header asks for problem details, and not for plain JSON before them."""
    weights = dict(map(_weight, accept.lower().split(",")))
    problem = weights.get("application/problem+json", 0.0)
    return problem > 0 and problem >= weights.get("application/json", 0.0)


@web.middleware
async def errors_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into an answer; place it right inside the request id's middleware.

    A ConnectionError passes: nobody is left to answer. So does everything once an answer has begun.
    """
    try:
        return await handler(request)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:
        if request.writer.output_size > 0 or _is_redirect(error):
            raise
        response = _answer(request, error)
        if response.status in _CLOSING or not request.content.is_eof():
            # What is left of the body is dropped after the answer, and nothing may follow it.
            response.force_close()
        return response


def _answer(request: web.Request, error: Exception) -> web.Response:
    status: int | None = None
    headers: dict[str, str] = {}
    match error:
        case ExemplarError():
            told = error
            if isinstance(error, TierError):
                _log.error("tier_not_configured", tier=error.tier, setting="EXEMPLAR_TIERS")
        case StoreUnavailableError():
            _log.warning("store_unavailable", error=type(error).__name__)
            told = ExemplarError(ErrorCode.STORE_UNAVAILABLE)
        case DamagedLedgerError():
            _log.error("ledger_damaged", developer=error.developer, mend="exemplar quota check --repair")
            told = ExemplarError(ErrorCode.STORE_UNAVAILABLE)
        case web.HTTPException():
            told = ExemplarError(_code_of(error.status))
            status, headers = error.status, {k: v for k, v in error.headers.items() if k in _TOLD}
        case TimeoutError():
            _log.warning("request_timed_out", exc_info=error)
            told = ExemplarError(ErrorCode.SERVER_BUSY)
        case json.JSONDecodeError() | UnicodeDecodeError():
            told = FieldError(ErrorCode.INVALID_REQUEST, ("body",), "Invalid JSON format", "value_error.json")
        case _ if isinstance(error, UNREADABLE):
            # As when the same fault comes in one packet with the header, where no handler sees it.
            told, status = ExemplarError(ErrorCode.INVALID_REQUEST), HTTPStatus.BAD_REQUEST
        case _:
            _log.error("request_failed", exc_info=error)
            told = ExemplarError(ErrorCode.INTERNAL)
    request[CODE] = told.code.value
    accept = request.headers.get("Accept", "")
    response = error_response(told, request_id=request_id_of(request), accept=accept, status=status)
    response.headers.update(headers)
    return response


def _code_of(status: int) -> ErrorCode:
    other = ErrorCode.INVALID_REQUEST if status < HTTPStatus.INTERNAL_SERVER_ERROR else ErrorCode.INTERNAL
    return _OF_STATUS.get(status, other)


def _is_redirect(error: Exception) -> bool:
    return isinstance(error, web.HTTPException) and error.status < HTTPStatus.BAD_REQUEST


def _detail(error: ExemplarError, answer: Answer) -> object:
    fields = _fields(error)
    if fields:
        return [{"loc": list(field.loc), "msg": field.msg, "type": field.kind} for field in fields]
    return error.message or answer.detail


def _fields(error: ExemplarError) -> tuple[FieldError, ...]:
    match error:
        case FieldError():
            return (error,)
        case FieldsError():
            return error.errors
        case _:
            return ()


def _problem(error: ExemplarError, status: int, body: Mapping[str, object]) -> dict[str, object]:
    """Write RFC 9457: ``detail`` is text there, so the list of fields moves to ``errors``."""
    problem = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, **body}
    if fields := _fields(error):
        problem["detail"] = "; ".join(f"{'.'.join(field.loc)}: {field.msg}" for field in fields)
        problem["errors"] = body["detail"]
    return problem


def _response(
    status: int, body: Mapping[str, object], headers: Mapping[str, str], content_type: str
) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    headers = {"Cache-Control": "no-store", **headers}
    return web.Response(status=status, text=text, content_type=content_type, headers=headers)


def _weight(choice: str) -> tuple[str, float]:
    media_type, *parameters = (word.strip() for word in choice.split(";"))
    quality = next((word[2:] for word in parameters if word.startswith("q=")), "1")
    try:
        return media_type, float(quality)
    except ValueError:
        return media_type, 0.0
