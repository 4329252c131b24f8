"""C2PA manifests in picture files (C2PA 2.1, A.3): cut them out, so that the bytes below can be compared."""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from domain.receipts.containers import format_of
from domain.submission.image_header import JPEG_SCAN, Format


def without_manifest(data: bytes) -> bytes:
    """Return a file without its C2PA manifest; what has none, or cannot be read, is returned as it is."""
    kind = format_of(data)
    try:
        return _CUT[kind](data) if kind else data
    except (struct.error, IndexError):
        return data


def _cut_jpeg(data: bytes) -> bytes:
    """Cut out the segments APP11 that hold JUMBF."""
    kept, at = [data[:2]], 2
    while data[at] == 0xFF and data[at + 1] not in (JPEG_SCAN, 0xFF):
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if data[at + 1] != 0xEB or data[at + 4 : at + 6] != b"JP":
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]])


def _cut_png(data: bytes) -> bytes:
    kept, at = [data[:8]], 8
    while at < len(data):
        end = at + 12 + struct.unpack_from(">I", data, at)[0]
        if data[at + 4 : at + 8] != b"caBX":
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


def _cut_webp(data: bytes) -> bytes:
    """Cut out the chunk `C2PA`, and count the bytes of the others in the header."""
    kept = [chunk for chunk in _webp_chunks(data) if chunk[:4] != b"C2PA"]
    cut = len(data) - 12 - sum(map(len, kept))
    size = struct.unpack_from("<I", data, 4)[0] - cut
    return b"".join([data[:4], struct.pack("<I", size), data[8:12], *kept])


def _webp_chunks(data: bytes) -> Iterator[bytes]:
    at = 12
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 4)[0]
        end = at + 8 + size + size % 2
        yield data[at:end]
        at = end


_CUT: Final[Mapping[Format, Callable[[bytes], bytes]]] = {
    "jpeg": _cut_jpeg,
    "png": _cut_png,
    "webp": _cut_webp,
}
