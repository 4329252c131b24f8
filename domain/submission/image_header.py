"""Check the format and the size of an image by its header.

The headers are not read by Pillow, because its ``open`` unpacks text chunks and reads whole files: a PNG of
60 kB blocks an event loop for 150 ms. An image that passes is decoded fully later, in a decoder process.
"""

import io
import zlib
from typing import IO, Final, Literal, NamedTuple

Format = Literal["jpeg", "png", "webp"]
Size = tuple[int, int]

MAX_BYTES: Final = 10_485_760
MAX_SIDE: Final = 8_192
MAX_PIXELS: Final = 50_000_000

# Real photographs have tens of segments before their frame header, at most a few hundred with large profiles.
_MAX_JPEG_SEGMENTS: Final = 512
# ITU-T T.81, table B.1: C4, C8 and CC are no frame headers; 01 and D0-D9 carry no length.
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE: Final = frozenset({0x01, *range(0xD0, 0xDA)})
_JPEG_SCAN: Final = 0xDA


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


def _jpeg_size(file: IO[bytes]) -> Size:
    """Walk the segments to the first frame header (ITU-T T.81, B.2)."""
    file.seek(2)
    for _ in range(_MAX_JPEG_SEGMENTS):
        prefix, marker = _pair(file)
        if prefix != 0xFF or marker in {0x00, _JPEG_SCAN}:
            break
        if marker in _JPEG_FRAMES:
            frame = file.read(7)
            if len(frame) < 7:
                raise UnsupportedFormat("truncated JPEG frame header")
            return _big(frame[5:7]), _big(frame[3:5])
        if marker == 0xFF:  # a fill byte: the second FF may start the marker
            file.seek(-1, io.SEEK_CUR)
        elif marker not in _JPEG_BARE:
            file.seek(max(_big(bytes(_pair(file))) - 2, 0), io.SEEK_CUR)
    raise UnsupportedFormat("no JPEG frame header")


def _pair(file: IO[bytes]) -> tuple[int, int]:
    two = file.read(2)
    if len(two) < 2:
        raise UnsupportedFormat("the JPEG ends before its frame header")
    return two[0], two[1]


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
