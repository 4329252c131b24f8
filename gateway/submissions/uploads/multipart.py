"""Parse multipart/form-data (RFC 7578) within limits, as it arrives."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, NamedTuple

from multipart import MultipartError, MultipartSegment, ParserError, PushMultipartParser, parse_options_header

from gateway.http.bodies import invalid_body

MAX_PARTS: Final = 64
MAX_PART_HEADERS: Final = 8
MAX_HEADER_BYTES: Final = 4_096

# RFC 2046, 5.1.1, widened to all visible characters: 1 to 70 of them, the last not a space.
_BOUNDARY: Final = re.compile(r"[\x20-\x7e]{0,69}[\x21-\x7e]")
_PLAIN_ENCODINGS: Final = frozenset({"7bit", "8bit", "binary"})


class Part(NamedTuple):
    """The head of a part; ``filename`` is None when none was sent."""

    name: str
    filename: str | None


Event = Part | bytes | None


Read = Callable[[], Awaitable[bytes]]
"""Return the next bytes that arrive; empty at the end."""


def parse_boundary(content_type: str) -> str:
    """Return the boundary of a multipart/form-data Content-Type; raises FieldError for any other."""
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data":
        raise invalid_body("the Content-Type is not multipart/form-data")
    boundary: str = options.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary) or content_type.lower().count("boundary=") > 1:
        raise invalid_body("the boundary is missing or malformed")
    return boundary


async def read_multipart(read: Read, boundary: str) -> AsyncGenerator[Event, None]:
    """Yield a Part for the head of every part, then its bytes as they arrive, then None for its end.

    A preamble is refused, an epilogue is dropped. Raises FieldError ``invalid_multipart`` for a body that is
    malformed, truncated, nested, transfer-encoded, has more than 64 parts, or has more than 8 headers or 4 kB
    of headers in a part; errors of `read` pass through.
    """
    parser = _Parser(
        boundary,
        max_header_size=MAX_HEADER_BYTES,
        max_header_count=MAX_PART_HEADERS,
        max_segment_count=MAX_PARTS,
    )
    chunk = await _read_opening(read, boundary.encode())
    try:
        while not parser.closed:
            for event in parser.parse(chunk):
                yield _check(event) if isinstance(event, MultipartSegment) else event
            if not parser.closed:
                chunk = await read()
    except MultipartError as error:
        raise invalid_body(str(error)) from error


class _Parser(PushMultipartParser):  # type: ignore[misc]  # it ships no types
    """The library's parser, which judges a lone LF in a header by packet sizes; here it is always refused."""

    def _on_segment_headerline(self, line: bytes) -> None:
        if b"\n" in line or b"\r" in line:
            raise ParserError("Invalid line break in segment header")
        super()._on_segment_headerline(line)


async def _read_opening(read: Read, boundary: bytes) -> bytes:
    """Read until the first boundary must have arrived, so that the result does not depend on packet sizes."""
    opening = b"--" + boundary
    start = b""
    while len(start) < len(opening) + 2:
        chunk = await read()
        if not chunk:
            break
        start += chunk
    if not start.removeprefix(b"\r\n").startswith(opening):
        raise invalid_body("it does not begin with the boundary")
    return start


def _check(part: MultipartSegment) -> Part:
    """Refuse part headers that a form of files and texts never needs."""
    if not part.name:
        raise invalid_body("a part has no name")
    if part.header("Content-Transfer-Encoding", "binary").strip().lower() not in _PLAIN_ENCODINGS:
        raise invalid_body("a part has a Content-Transfer-Encoding")
    if (part.content_type or "").startswith("multipart/"):
        raise invalid_body("a part is multipart itself")
    return Part(part.name, part.filename)
