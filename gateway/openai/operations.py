"""Operations in the form of OpenAI's API, in the OpenAPI document."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from domain.errors import ErrorCode
from gateway.http.answers import OpenAiError
from gateway.openai.bodies import EditedImages
from gateway.openapi.operation import get, post

_ERRORS: Final[Mapping[str, type]] = {"application/json": OpenAiError}
_STATUSES: Final[Mapping[int, int]] = {422: 400}
_FILE: Final = {"type": "string", "format": "binary"}
_TEXT: Final = {"type": "string"}

_BODY: Final[Mapping[str, Any]] = {
    "multipart/form-data": {
        "type": "object",
        "required": ["image", "prompt"],
        "properties": {
            "image": {"type": "array", "items": _FILE, "minItems": 1, "maxItems": 5, "description": "Or `image[]`"},
            "prompt": _TEXT,
            "model": {"const": "sdxl"},
            "n": {"const": 1},
            "size": {**_TEXT, "description": "`auto`, or the shape of the first image"},
            "response_format": {"enum": ["url", "b64_json"], "description": "Both without it"},
            "user": {**_TEXT, "maxLength": 512, "description": "Kept as `metadata.user`"},
            "stream": {"type": "boolean"},
            "partial_images": {"type": "integer", "minimum": 0, "maximum": 3},
        },
    }
}

reads_model = partial(get, caller="end_user", errors=_ERRORS, error_statuses=_STATUSES)
submits_edit = partial(
    post,
    caller="submission",
    body=_BODY,
    answer={"application/json": EditedImages, "text/event-stream": None},
    headers=("Idempotency-Key", "Cancel-After", "X-Start-Timeout", "X-Stainless-Read-Timeout", "X-Stainless-Timeout"),
    also={502: "The image model failed"},
    codes=(ErrorCode.UNFINISHED, ErrorCode.STREAM_LIMIT),
    errors=_ERRORS,
    error_statuses=_STATUSES,
)
