"""Parse multipart/form-data (RFC 7578) within limits, as it arrives."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, NamedTuple

from multipart import MultipartError, MultipartSegment, ParserError, ParserLimitReached, PushMultipartParser

from gateway.http.bodies import invalid_body
from gateway.http.texts import shown
from gateway.submissions.uploads.boundary import Read, read_delimited

MAX_PARTS: Final = 64
MAX_PART_HEADERS: Final = 8
MAX_HEADER_BYTES: Final = 4_096

_PLAIN_ENCODINGS: Final = frozenset({"7bit", "8bit", "binary"})
# The last byte of a character in Shift JIS, GBK or Big5 may look like a backslash, which would hide a closing quote.
_DOUBLE_BYTE: Final = re.compile(rb"([\x81-\xfe])\\")
_BYTES: Final = "latin-1"  # a character for each byte: file names come in any code page
_LIMITS: Final = f"at most {MAX_PARTS} parts, {MAX_PART_HEADERS} headers a part, {MAX_HEADER_BYTES} bytes a header"
_WANTED: Final = "a part has Content-Disposition: form-data; name=..., lines that end with CR LF, and true lengths"


class Part(NamedTuple):
    """The head of a part; ``filename`` and ``charset`` are None when none was sent."""

    name: str
    filename: str | None
    charset: str | None = None


Event = Part | bytes | None


async def read_multipart(read: Read, boundary: str) -> AsyncGenerator[Event, None]:
    """Yield a Part for the head of every part, then its bytes as they arrive, then None for its end.

    Preamble and epilogue are dropped. Raises FieldError ``invalid_multipart`` for a body that is malformed,
    truncated, nested, transfer-encoded, has more than 64 parts, or has more than 8 headers or 4 kB of headers
    in a part; errors of `read` pass through.
    """
    parser = _Parser(
        boundary,
        max_header_size=MAX_HEADER_BYTES,
        max_header_count=MAX_PART_HEADERS,
        max_segment_count=MAX_PARTS,
        header_charset=_BYTES,
    )
    async with aclosing(read_delimited(read, boundary)) as chunks:
        async for chunk in chunks:
            try:
                for event in parser.parse(chunk):
                    yield _check(event) if isinstance(event, MultipartSegment) else event
            except ParserLimitReached as error:
                raise invalid_body(f"there may be {_LIMITS}") from error
            except MultipartError as error:
                raise invalid_body(f"malformed near part {max(parser.number, 1)}: {_WANTED}") from error
    try:
        parser.close()
    except MultipartError as error:
        raise invalid_body("it ends before its last boundary") from error


class _Parser(PushMultipartParser):  # type: ignore[misc]  # it ships no types
    """The library's parser for headers in any code page.

    It judges a lone LF in a header by packet sizes; here it is always refused.
    """

    number = 0

    def _on_segment_start(self) -> None:
        self.number += 1
        super()._on_segment_start()

    def _on_segment_headerline(self, line: bytes) -> None:
        if b"\n" in line or b"\r" in line:
            raise ParserError("Invalid line break in segment header")
        line = line.replace(b"\t", b" ")  # the library separates parameters by spaces alone
        super()._on_segment_headerline(line if _is_utf8(line) else _DOUBLE_BYTE.sub(rb"\1?", line))


def _check(part: MultipartSegment) -> Part:
    """Refuse part headers that a form of files and texts never needs."""
    if not part.name:
        raise invalid_body(f"a part has no name: {_WANTED}")
    name = _decoded(part.name)
    encoding = part.header("Content-Transfer-Encoding", "binary").strip().lower()
    if encoding not in _PLAIN_ENCODINGS:
        raise invalid_body(
            f"part {shown(name)} has the Content-Transfer-Encoding {shown(encoding)}; send its plain bytes"
        )
    if (part.content_type or "").startswith("multipart/"):
        raise invalid_body(f"part {shown(name)} is multipart itself; send each file as a part of its own")
    return Part(name, None if part.filename is None else _decoded(part.filename), part.charset)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(text: str) -> str:
    """Read the bytes of a header as UTF-8; characters of other code pages, which no header names, are replaced."""
    return text.encode(_BYTES).decode(errors="replace")
