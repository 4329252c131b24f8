"""The boundary of a multipart body: its parameter (RFC 2045, 5.1) and its delimiter lines (RFC 2046, 5.1.1)."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from gateway.http.bodies import invalid_body
from gateway.http.texts import shown

MAX_PREAMBLE: Final = 16_384
MAX_PADDING: Final = 128

# Quoted, or as clients write it that forget the quotes, up to the next semicolon.
_PARAMETER: Final = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))')
# RFC 2046, 5.1.1, widened to all visible characters: 1 to 70 of them, the last not a space.
_BOUNDARY: Final = re.compile(r"[\x20-\x7e]{0,69}[\x21-\x7e]")
_WANTED: Final = "wanted is multipart/form-data; boundary=..., 1 to 70 visible characters"

Read = Callable[[], Awaitable[bytes]]
"""Return the next bytes that arrive; empty at the end."""


def parse_boundary(content_type: str) -> str:
    """Return the boundary of a multipart/form-data Content-Type; raises FieldError for any other."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise invalid_body(f"the Content-Type is {shown(kind) if kind else 'missing'}; {_WANTED}")
    match _boundaries(content_type):
        case [boundary] if _BOUNDARY.fullmatch(boundary):
            return boundary
        case [boundary]:
            raise invalid_body(f"the boundary {shown(boundary)} is malformed; {_WANTED}")
        case []:
            raise invalid_body(f"the Content-Type names no boundary; {_WANTED}")
        case _:
            raise invalid_body(f"the Content-Type names several boundaries; {_WANTED}")


def _boundaries(content_type: str) -> list[str]:
    """Read every parameter `boundary`, its quoted pairs resolved."""
    return [
        plain.strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        for name, quoted, plain in (found.groups() for found in _PARAMETER.finditer(content_type))
        if name.lower() == "boundary"
    ]


async def read_delimited(read: Read, boundary: str) -> AsyncGenerator[bytes, None]:
    """Yield a body from its first delimiter line on, without the padding of delimiter lines.

    The parser judges a preamble by packet sizes and knows no padding. Raises FieldError for a preamble over 16 kB.
    """
    delimiter = b"\r\n--" + boundary.encode()
    padding = b"(%b)([ \t]{1,%d}" % (re.escape(delimiter), MAX_PADDING)
    padded, unfinished = re.compile(padding + rb")(?=\r\n)"), re.compile(padding + rb"\r?)\Z")
    seen, arrived = b"", await _after_preamble(read, delimiter)
    while arrived:
        data = seen + arrived
        held = b""
        if _has_padding(data, delimiter):  # an expression takes far longer to find none
            data = padded.sub(rb"\1", data)
            if cut := unfinished.search(data):
                data, held = data[: cut.start(2)], cut[2]
        if len(data) > len(seen):
            yield data[len(seen) :]
        seen = data[-len(delimiter) :]
        arrived = await read()
        arrived = arrived and held + arrived


def _has_padding(data: bytes, delimiter: bytes) -> bool:
    """Tell whether a space or a tab follows a delimiter; the data are searched once."""
    at, length = data.find(delimiter), len(delimiter)
    while at >= 0:
        if data.startswith((b" ", b"\t"), at := at + length):
            return True
        at = data.find(delimiter, at)
    return False


async def _after_preamble(read: Read, delimiter: bytes) -> bytes:
    """Read until the first delimiter and drop what is before it; a body may begin without a line break."""
    start = b"\r\n"
    while (at := start.find(delimiter[2:])) < 0 and len(start) <= MAX_PREAMBLE + len(delimiter):
        chunk = await read()
        if not chunk:
            break
        start += chunk
    if not 2 <= at <= MAX_PREAMBLE or not start.startswith(delimiter, at - 2):
        raise invalid_body(f"no line in its first {MAX_PREAMBLE} bytes is the boundary {shown(delimiter.decode()[2:])}")
    return start[at - 2 :]
