"""Check the format and the size of an image by its header.

The headers are not read by Pillow, because its ``open`` unpacks text chunks and reads whole files: a PNG of
60 kB blocks an event loop for 150 ms. An image that passes is decoded fully later, in a decoder process.
"""

import io
import re
import zlib
from collections.abc import Iterator
from typing import IO, Final, Literal, NamedTuple

Format = Literal["jpeg", "png", "webp"]
Size = tuple[int, int]

MAX_BYTES: Final = 10_485_760
MAX_SIDE: Final = 8_192
MAX_PIXELS: Final = 50_000_000

# Real photographs have tens of segments before their frame header, at most a few hundred with large profiles.
_MAX_JPEG_SEGMENTS: Final = 1_024
_MAX_STRAY: Final = 65_536  # bytes between segments, which every viewer skips
_CHUNK: Final = 4_096
# ITU-T T.81, table B.1: C4, C8 and CC are no frame headers; 01 and D0-D9 carry no length.
JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_SCAN: Final = 0xDA
_JPEG_BARE: Final = frozenset({0x01, *range(0xD0, 0xDA)})
_JPEG_MARKER: Final = re.compile(rb"\xff([^\x00\xff])", re.DOTALL)


class PictureRefused(Exception):  # noqa: N818 - a result of a check
    """The base of the errors for an image that is not accepted."""

    code: str = "picture_refused"


class UnsupportedFormat(PictureRefused):
    """The content is no JPEG, PNG or WebP, or its header cannot be read."""

    code = "unsupported_format"


class DimensionsExceeded(PictureRefused):
    """The header says more than 8,192 pixels a side or 50 megapixels."""

    code = "dimensions_exceeded"


class Header(NamedTuple):
    """The header of an image; width and height as stored, before any EXIF orientation."""

    format: Format
    content_type: str
    width: int
    height: int


def judge(source: bytes | IO[bytes]) -> Header:
    """Check an image by its header.

    ``source`` is the whole content or a seekable file, whose position is kept. Only headers are read, no
    pixels. Raises UnsupportedFormat or DimensionsExceeded.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    position = file.tell()
    try:
        header = _sniff(file)
    finally:
        file.seek(position)
    if max(header.width, header.height) > MAX_SIDE or header.width * header.height > MAX_PIXELS:
        raise DimensionsExceeded(f"{header.width}x{header.height}")
    return header


def _sniff(file: IO[bytes]) -> Header:
    file.seek(0)
    start = file.read(30)
    kind: Format
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        kind, (width, height) = "png", _png_size(file)
    elif start.startswith(b"\xff\xd8\xff"):
        kind, (width, height) = "jpeg", _jpeg_size(file)
    elif start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        kind, (width, height) = "webp", _webp_size(start)
    else:
        raise UnsupportedFormat("no JPEG, PNG or WebP")
    if not (width and height):
        raise UnsupportedFormat("the header names no size")
    return Header(kind, f"image/{kind}", width, height)


def _png_size(file: IO[bytes]) -> Size:
    """Read IHDR, which must come first (W3C PNG, 5.6 and 11.2.1)."""
    file.seek(8)
    chunk = file.read(25)
    if len(chunk) < 25 or chunk[:8] != b"\0\0\0\rIHDR" or zlib.crc32(chunk[4:21]) != _big(chunk[21:25]):
        raise UnsupportedFormat("broken PNG header")
    return _big(chunk[8:12]), _big(chunk[12:16])


class Segment(NamedTuple):
    """A segment of a JPEG: its marker without FF, where its content begins, and the size that it says."""

    marker: int
    start: int
    size: int


def jpeg_segments(file: IO[bytes]) -> Iterator[Segment]:
    """Yield the segments up to the first scan (ITU-T T.81, B.1.1) as decoders find them.

    Fill bytes and stray bytes between segments are skipped, 64 kB in all; so are markers without content. A
    content may be cut. Raises UnsupportedFormat when no marker follows.
    """
    at, stray = 2, 0
    for _ in range(_MAX_JPEG_SEGMENTS):
        marker, start = _next_marker(file, at, at + _MAX_STRAY - stray)
        stray += start - 2 - at
        at = start
        if marker not in _JPEG_BARE:
            size = max(_big(file.read(2)) - 2, 0)
            yield Segment(marker, start + 2, size)
            at = start + 2 + size
        if marker == JPEG_SCAN:
            return
    raise UnsupportedFormat("too many JPEG segments")


def _next_marker(file: IO[bytes], at: int, last: int) -> tuple[int, int]:
    """Find the next marker that begins by ``last``; return it and the position behind it."""
    file.seek(at)
    chunk = file.read(2)
    while at <= last and len(chunk) >= 2:
        if found := _JPEG_MARKER.search(chunk):
            file.seek(at + found.end())
            return found[1][0], at + found.end()
        at += len(chunk) - 1
        file.seek(at)
        chunk = file.read(_CHUNK)
    raise UnsupportedFormat("no JPEG marker")


def _jpeg_size(file: IO[bytes]) -> Size:
    """Read the first frame header (ITU-T T.81, B.2.2)."""
    for segment in jpeg_segments(file):
        if segment.marker in JPEG_FRAMES:
            frame = file.read(5)
            if len(frame) < 5:
                raise UnsupportedFormat("truncated JPEG frame header")
            return _big(frame[3:5]), _big(frame[1:3])
    raise UnsupportedFormat("no JPEG frame header")


def _webp_size(start: bytes) -> Size:
    """Read the first chunk (RFC 9649, 2.5-2.7): lossy, lossless or extended."""
    match start[12:16], start[20:]:
        case b"VP8 ", body if len(body) == 10 and body[3:6] == b"\x9d\x01\x2a":
            return _little(body[6:8]) & 0x3FFF, _little(body[8:10]) & 0x3FFF
        case b"VP8L", body if len(body) >= 5 and body[0] == 0x2F:
            bits = _little(body[1:5])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X", body if len(body) == 10:
            return _little(body[4:7]) + 1, _little(body[7:10]) + 1
    raise UnsupportedFormat("broken WebP header")


def _big(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def _little(octets: bytes) -> int:
    return int.from_bytes(octets, "little")
