"""A finished generation as OpenAI's API answers it, whole or as events of a stream."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from domain.errors import FailureCode
from domain.generation.generation import Generation
from events.generation import GenerationFailed, Picture
from gateway.events.sse import CONTENT_TYPE, KEEP_ALIVE, StreamFormat, frame
from gateway.generations.resources import MESSAGES
from gateway.http.openai_errors import type_of
from gateway.openai.bodies import EditedImage, EditedImages
from gateway.openai.form import ResponseFormat

_STATUSES: Final[Mapping[FailureCode, int]] = {
    FailureCode.INVALID_IMAGE: 400,
    FailureCode.CONTENT_FLAGGED: 400,
    FailureCode.QUOTA_EXCEEDED: 429,
    FailureCode.CANCELED: 409,
    FailureCode.START_DEADLINE: 504,
    FailureCode.START_TIMEOUT: 504,
    FailureCode.FINISH_DEADLINE: 504,
    FailureCode.CANCEL_AFTER: 504,
}
_PROVIDER: Final = 502  # of every other failure

# SDXL gives no pictures on the way: a partial event carries one transparent pixel (PNG) and the progress.
_PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
_NO_TOKENS: Final = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}
_SHOWN: Final = {"background": "opaque", "quality": "auto"}


def edited_images(
    generation: Generation, picture: Picture, data: bytes | None, url: str, wanted: ResponseFormat | None
) -> EditedImages:
    """Write the answer; without a wanted form with the picture (`data`) and its signed link."""
    shown: EditedImage = {}
    if wanted != "b64_json":
        shown["url"] = url
    if wanted != "url":
        shown["b64_json"] = "" if data is None else base64.b64encode(data).decode()
    return {
        "id": generation.id,
        "created": int(generation.updated_at.timestamp()),
        "data": [shown],
        "output_format": _format(picture),
        "size": f"{picture.width}x{picture.height}",
    }


def partial_event(generation: Generation, index: int, now: datetime) -> bytes:
    """Write how far a generation is, with `progress` in percent."""
    name = "image_edit.partial_image"
    members = {"id": generation.id, "status": generation.status, "progress": generation.percent}
    shown = {"size": "auto", "output_format": "png", **_SHOWN}
    return frame(name, {"type": name, **_event(now, _PIXEL), **shown, "partial_image_index": index, **members})


def completed_event(generation: Generation, picture: Picture, data: bytes, now: datetime) -> bytes:
    """Write the finished picture."""
    name, encoded = "image_edit.completed", base64.b64encode(data).decode()
    shown = {"size": f"{picture.width}x{picture.height}", "output_format": _format(picture), **_SHOWN}
    return frame(name, {"type": name, **_event(now, encoded), **shown, "id": generation.id, "usage": _NO_TOKENS})


def error_event(error: Mapping[str, Any]) -> bytes:
    """Write an error that ends a stream."""
    return frame("error", {"type": "error", "error": error})


def failed_error(generation: Generation, failure: GenerationFailed) -> tuple[int, dict[str, Any]]:
    """Return status and error of a failed generation; its code is that of the failure."""
    code = FailureCode(failure.code)
    status = _STATUSES.get(code, _PROVIDER)
    error = {"message": MESSAGES[code], "type": type_of(status), "param": None, "code": code.value}
    return status, {**error, "generation_id": generation.id}


def _left(reason: str) -> bytes:
    message = f"The stream has ended ({reason}); the generation continues"
    return error_event({"message": message, "type": type_of(504), "param": None, "code": "generation_unfinished"})


STREAM: Final = StreamFormat(CONTENT_TYPE, KEEP_ALIVE, _left)


def _event(now: datetime, encoded: str) -> dict[str, Any]:
    return {"b64_json": encoded, "created_at": int(now.timestamp())}


def _format(picture: Picture) -> str:
    return picture.content_type.removeprefix("image/")
