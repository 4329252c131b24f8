"""Server-sent events (WHATWG HTML, section 9.2) and JSON lines."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

CONTENT_TYPE = "text/event-stream"
LINES_TYPE = "application/x-ndjson"
KEEP_ALIVE = b":\n\n"


def frame(event: str, data: Mapping[str, Any], *, identifier: str | None = None) -> bytes:
    """Write one event; without an identifier the client keeps the last one it received."""
    name = "" if identifier is None else f"id: {identifier}\n"
    return f"{name}event: {event}\ndata: {json_line(data)}\n\n".encode()


def retry(milliseconds: int) -> bytes:
    """Tell the client how long to wait before it reconnects."""
    return f"retry: {milliseconds}\n\n".encode()


def goodbye(reason: str) -> bytes:
    """Announce the end of a stream that may be resumed."""
    return frame("goodbye", {"reason": reason})


def json_line(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


RESET = frame("reset", {"reason": "unknown_position"})
"""The position to resume from is unknown; a snapshot follows."""


def control_line(kind: str, data: Mapping[str, Any]) -> bytes:
    """Write a line that is no event of the log."""
    return f"{json_line({'type': kind, 'data': data})}\n".encode()


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """How a stream says what is no event: that it lives, and why it ends."""

    content_type: str
    keep_alive: bytes
    goodbye: Callable[[str], bytes]


SSE: Final = StreamFormat(CONTENT_TYPE, KEEP_ALIVE, goodbye)
LINES: Final = StreamFormat(LINES_TYPE, b"", lambda reason: control_line("goodbye", {"reason": reason}))
