"""Where the XMP packet of a receipt is in a JPEG, a PNG and a WebP.

Pillow writes XMP only together with the pixels, which it encodes again. So the packet is inserted into the file at a
fixed position before any other XMP, and every other byte stays: what is cut out again leaves the file as it was.
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from domain.receipts.packet import Packet
from domain.submission.image_header import Format, PictureRefused, judge

MOST_HEAD: Final = 2 + 2 * 65_537
"""Bytes of a file's beginning that are enough to embed a receipt."""

_JPEG_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_JPEG_MOST: Final = 65_533
_PNG_XMP: Final = b"iTXtXML:com.adobe.xmp\0\0\0\0\0"
_PNG_AT: Final = 33  # behind the signature and IHDR
_WEBP_AT: Final = 30  # behind VP8X
_WEBP_XMP_FLAG: Final = 0x04
_WEBP_ALPHA_FLAG: Final = 0x10
_LEADING: Final = ((b"\xff\xe0", b""), (b"\xff\xe1", b"Exif\0"))


class EmbeddingError(ValueError):
    """The file has no position for a receipt."""


class Insertion(NamedTuple):
    """The bytes that take the place of the first `skipped` bytes of a file."""

    start: bytes
    skipped: int


class Embedded(NamedTuple):
    """A packet in a file, and the file without it."""

    packet: Packet
    original: bytes


def format_of(data: bytes) -> Format | None:
    """Name the format by the first bytes."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def insertion(head: bytes, receipt: str, *, marked: bool) -> Insertion:
    """Embed a receipt in a file of which `head` are the first MOST_HEAD bytes, or all; raises EmbeddingError."""
    kind = format_of(head)
    if kind is None:
        raise EmbeddingError("no JPEG, PNG or WebP")
    return _INSERT[kind](head, Packet(receipt, marked))


def embedded(data: bytes, receipt: str, *, marked: bool) -> bytes:
    """Return the file with a receipt embedded; EmbeddingError where it has no position."""
    start, skipped = insertion(data[:MOST_HEAD], receipt, marked=marked)
    return start + data[skipped:]


def extract(data: bytes) -> Embedded | None:
    """Cut a receipt out of a file; None unless the file is, byte by byte, one that `embedded` has made."""
    kind = format_of(data)
    try:
        found = _EXTRACT[kind](data) if kind else None
        if found is None or embedded(found.original, found.packet.receipt, marked=found.packet.marked) != data:
            return None
    except (EmbeddingError, struct.error):
        return None
    return found


def _insert_jpeg(head: bytes, packet: Packet) -> Insertion:
    """Insert a segment APP1 behind JFIF and EXIF, which have to come first (XMP part 3, 1.1.3)."""
    at, content = _behind_leading(head), _JPEG_XMP + packet.encode()
    if len(content) > _JPEG_MOST:
        raise EmbeddingError("the receipt is too long for a JPEG")
    return Insertion(head[:at] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content, at)


def _extract_jpeg(data: bytes) -> Embedded | None:
    at = _behind_leading(data)
    start = at + 4 + len(_JPEG_XMP)
    if data[at : at + 2] != b"\xff\xe1" or data[at + 4 : start] != _JPEG_XMP:
        return None
    stop = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    packet = Packet.decode(data[start:stop])
    return None if packet is None else Embedded(packet, data[:at] + data[stop:])


def _behind_leading(data: bytes) -> int:
    """Return the position behind the segments JFIF and EXIF, each at most once and in this order."""
    at = 2
    for marker, label in _LEADING:
        if data[at : at + 2] == marker and data[at + 4 : at + 4 + len(label)] == label:
            size = int.from_bytes(data[at + 2 : at + 4], "big")
            at += 2 + size
            if size < 2 or at > len(data):
                raise EmbeddingError("a segment of the JPEG is cut off")
    return at


def _insert_png(head: bytes, packet: Packet) -> Insertion:
    """Insert a chunk iTXt behind IHDR (XMP part 3, 1.1.5)."""
    if head[8:16] != b"\0\0\0\rIHDR" or len(head) < _PNG_AT:
        raise EmbeddingError("no PNG: IHDR is missing")
    content = _PNG_XMP + packet.encode()
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return Insertion(head[:_PNG_AT] + chunk, _PNG_AT)


def _extract_png(data: bytes) -> Embedded | None:
    start = _PNG_AT + 4 + len(_PNG_XMP)
    if data[_PNG_AT + 4 : start] != _PNG_XMP:
        return None
    stop = _PNG_AT + 8 + int.from_bytes(data[_PNG_AT : _PNG_AT + 4], "big")
    packet = Packet.decode(data[start:stop])
    return None if packet is None else Embedded(packet, data[:_PNG_AT] + data[stop + 4 :])


def _insert_webp(head: bytes, packet: Packet) -> Insertion:
    """Insert a chunk `XMP ` behind VP8X, where metadata may be (RFC 9649, 2.7); a simple file gets a VP8X."""
    is_extended = head[12:16] == b"VP8X"
    skipped = _WEBP_AT if is_extended else 12
    extended = head[12:_WEBP_AT] if is_extended else _vp8x(head)
    if len(extended) != _WEBP_AT - 12:
        raise EmbeddingError("no WebP: its header is cut off")
    extended = extended[:8] + bytes((extended[8] | _WEBP_XMP_FLAG,)) + extended[9:]
    content = Packet(packet.receipt, packet.marked, head[:skipped]).encode()
    chunk = b"XMP " + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    size = int.from_bytes(head[4:8], "little") + _WEBP_AT - skipped + len(chunk)
    if size >= 2**32:
        raise EmbeddingError("no WebP: its size is too large")
    return Insertion(b"RIFF" + struct.pack("<I", size) + b"WEBP" + extended + chunk, skipped)


def _extract_webp(data: bytes) -> Embedded | None:
    start = _WEBP_AT + 8
    if data[_WEBP_AT : _WEBP_AT + 4] != b"XMP ":
        return None
    stop = start + int.from_bytes(data[_WEBP_AT + 4 : start], "little")
    packet = Packet.decode(data[start:stop])
    return None if packet is None else Embedded(packet, packet.head + data[stop + (stop - start) % 2 :])


def _vp8x(head: bytes) -> bytes:
    """Write the chunk VP8X of a file that has none, from the header of its pixels."""
    try:
        size = judge(head[:_WEBP_AT])
    except PictureRefused as error:
        raise EmbeddingError(f"no WebP: {error}") from None
    has_alpha = head[12:16] == b"VP8L" and head[24] & 0x10
    sides = b"".join((side - 1).to_bytes(3, "little") for side in (size.width, size.height))
    return b"VP8X\x0a\0\0\0" + bytes((_WEBP_ALPHA_FLAG if has_alpha else 0, 0, 0, 0)) + sides


_INSERT: Final[Mapping[Format, Callable[[bytes, Packet], Insertion]]] = {
    "jpeg": _insert_jpeg,
    "png": _insert_png,
    "webp": _insert_webp,
}
_EXTRACT: Final[Mapping[Format, Callable[[bytes], Embedded | None]]] = {
    "jpeg": _extract_jpeg,
    "png": _extract_png,
    "webp": _extract_webp,
}
