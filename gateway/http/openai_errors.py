"""Error responses in the form of OpenAI's API: `{"error": {"message", "type", "param", "code"}}`.

Codes stay those of the closed list; statuses are those that OpenAI's clients know (400 for what is not valid).
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from gateway.http.answers import OpenAiErrorMembers

_TYPES: Final = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_PARAMS: Final = {"example_images": "image", "instructions": "prompt"}


def in_openai_form(response: web.Response) -> web.Response:
    """Rewrite an error response of the API; its headers stay."""
    status = response.status
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        response.set_status(HTTPStatus.BAD_REQUEST)
    response.text = json.dumps({"error": openai_error(status, json.loads(response.text or "{}"))}, ensure_ascii=False)
    return response


def openai_error(status: int, body: Mapping[str, Any]) -> OpenAiErrorMembers:
    """Write the error of an error body; `param` is the first fault's, an `id` becomes `generation_id`."""
    faults: Sequence[Mapping[str, Any]] = body.get("errors", ())
    error: OpenAiErrorMembers = {
        "message": "; ".join(map(_sentence, faults)) or str(body.get("detail", "")),
        "type": type_of(status),
        "param": _param(faults[0]) if faults else None,
        "code": body.get("code"),
    }
    if "id" in body:
        error["generation_id"] = body["id"]
    return error


def type_of(status: int) -> str:
    """Name the kind of an error as OpenAI does."""
    return _TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")


def _sentence(fault: Mapping[str, Any]) -> str:
    param = _param(fault)
    return f"{param}: {fault['msg']}" if param else str(fault["msg"])


def _param(fault: Mapping[str, Any]) -> str | None:
    """Name the parameter that a fault is about; None for the body as a whole."""
    named = str(fault["loc"][1]) if len(fault["loc"]) > 1 else None
    return None if named is None else _PARAMS.get(named, named)
