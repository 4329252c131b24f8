"""Frames of a server-sent event stream (WHATWG HTML, 9.2), and which form of events a client asks for."""

import json
from collections.abc import Mapping
from typing import Any, Literal

CONTENT_TYPE = "text/event-stream"
KEEP_ALIVE = b":\n\n"

Form = Literal["sse", "ndjson", "json"]

_FORMS: Mapping[str, Form] = {
    CONTENT_TYPE: "sse",
    "application/x-ndjson": "ndjson",
    "application/json": "json",
    "application/*": "json",
    "*/*": "json",
}


def frame(event: str, data: Mapping[str, Any], *, identifier: str | None = None) -> bytes:
    """Write one event; without an identifier the client keeps the last one it saw."""
    name = "" if identifier is None else f"id: {identifier}\n"
    return f"{name}event: {event}\ndata: {line_of(data)}\n\n".encode()


def retry(milliseconds: int) -> bytes:
    """Tell the client how long to wait before it connects again."""
    return f"retry: {milliseconds}\n\n".encode()


def line_of(data: Mapping[str, Any]) -> str:
    """Write JSON on one line."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def form_of(accept: str) -> Form:
    """Choose by an Accept header: the highest weight, of equals the first named; JSON when none fits."""
    best: tuple[float, Form] = (0.0, "json")
    for choice in accept.lower().split(","):
        media_type, *parameters = (word.strip() for word in choice.split(";"))
        form, weight = _FORMS.get(media_type), _weight(parameters)
        if form is not None and weight > best[0]:
            best = weight, form
    return best[1]


def _weight(parameters: list[str]) -> float:
    quality = next((word[2:] for word in parameters if word.startswith("q=")), "1")
    try:
        return float(quality)
    except ValueError:
        return 0.0
