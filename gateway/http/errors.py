"""Error responses.

A body has ``detail`` (a sentence, or a list of ``{loc, msg, type}``), ``code``, ``request_id``; a limit adds
``retry_after``, and ``reason`` where several share a code. Where a fault has a place in the request, ``errors`` lists
every fault as ``{loc, code, msg}``, with ``type`` where ``detail`` has it. A client that accepts
``application/problem+json`` gets RFC 9457 with the same members. Below ``/v1/`` errors have the form of OpenAI's API.
"""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from domain.errors import ExemplarError, FieldError, FieldsError, LimitError, path_of
from domain.paths import ERROR_PAGE, OPENAI
from gateway.http.error_log import CODE
from gateway.http.error_mapping import HTTP_ERRORS, HttpError, map_error, phrase_of
from gateway.http.openai_errors import in_openai_form
from gateway.http.parsing import media_weights
from gateway.http.request_ids import request_id_of

_CLOSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})


def error_response(
    error: ExemplarError,
    *,
    request_id: str,
    accept: str = "",
    status: int | None = None,
    members: Mapping[str, object] | None = None,
) -> web.Response:
    """Make the response to an error.

    ``accept`` is the request's Accept header; ``status`` replaces the code's own; ``members`` are added to
    the body (for example an ``id``).
    """
    known = HTTP_ERRORS[error.code]
    status = known.status if status is None else status
    headers = dict(known.headers)
    body: dict[str, object] = {"detail": _detail(error, known), "code": error.code.value}
    if isinstance(error, LimitError):
        body["retry_after"] = error.retry_after
        body |= {"reason": error.reason} if error.reason else {}
        headers["Retry-After"] = str(error.retry_after)
    if faults := [_fault(one) for one in _located(error)]:
        body["errors"] = faults
    body |= {"request_id": request_id, **(members or {})}
    if wants_problem(accept):
        return _response(status, _problem(error, status, body), headers, "application/problem+json")
    return _response(status, body, headers, "application/json")


def wants_problem(accept: str) -> bool:
    """Tell whether an Accept header weighs problem details at least like plain JSON."""
    weights = media_weights(accept)
    problem = weights.get("application/problem+json", 0.0)
    return problem > 0 and problem >= weights.get("application/json", 0.0)


@web.middleware
async def errors_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every exception of a handler into a response; place it right inside the request id's middleware.

    A ConnectionError passes, since the client has left; so does every error once a response has begun.
    """
    try:
        return await handler(request)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:
        redirect = isinstance(error, web.HTTPException) and error.status < HTTPStatus.BAD_REQUEST
        if request.writer.output_size > 0 or redirect:
            raise
        response = _respond(request, error)
        if response.status in _CLOSING or not request.content.is_eof():
            # The rest of the body is dropped after the response, and no request may follow it.
            response.force_close()
        return response


def _respond(request: web.Request, raised: Exception) -> web.Response:
    error, status, headers = map_error(raised)
    request[CODE] = error.code.value
    accept = request.headers.get("Accept", "")
    openai = request.path.startswith(f"{OPENAI}/")
    accept = "" if openai else accept
    response = error_response(error, request_id=request_id_of(request), accept=accept, status=status)
    response.headers.update(headers)
    return in_openai_form(response) if openai else response


def _detail(error: ExemplarError, known: HttpError) -> object:
    fields = _fields(error)
    if fields:
        return [{"loc": list(field.loc), "msg": field.msg, "type": field.kind} for field in fields]
    return error.message or known.detail


def _fields(error: ExemplarError) -> tuple[FieldError, ...]:
    match error:
        case FieldError():
            return (error,)
        case FieldsError():
            return error.errors
        case _:
            return ()


def _located(error: ExemplarError) -> tuple[ExemplarError, ...]:
    """List the faults of a request, the first one first; empty when its place is not known."""
    own = error.errors if isinstance(error, FieldsError) else (error,) if error.loc else ()
    return (*own, *error.others) if own else ()


def _fault(error: ExemplarError) -> dict[str, object]:
    msg = error.message or HTTP_ERRORS[error.code].detail
    fault: dict[str, object] = {"loc": list(error.loc), "code": error.code.value, "msg": msg}
    return fault | ({"type": error.kind} if isinstance(error, FieldError) else {})


def _problem(error: ExemplarError, status: int, body: Mapping[str, object]) -> dict[str, object]:
    """Write RFC 9457, where ``detail`` is text."""
    problem = {"type": f"{ERROR_PAGE}#{error.code}", "title": phrase_of(status), "status": status, **body}
    if fields := _fields(error):
        problem["detail"] = "; ".join(f"{path_of(field)}: {field.msg}" for field in fields)
    return problem


def _response(status: int, body: Mapping[str, object], headers: Mapping[str, str], content_type: str) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    headers = {"Cache-Control": "no-store", **headers}
    return web.Response(status=status, text=text, content_type=content_type, headers=headers)
