"""Take a WebP apart: the chunks that carry its pixels, its profile and its EXIF (RFC 9649, 2.3-2.7).

The size that the file says of itself, and cut chunks of metadata, would make libwebp give up.
"""

from collections.abc import Iterator
from typing import Final

from actors.imaging.picture_file import PictureFile

_PIXELS: Final = frozenset({b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF"})
_KNOWN: Final = _PIXELS | {b"VP8X", b"ICCP", b"EXIF", b"XMP "}
_METADATA_FLAGS: Final = 0x20 | 0x08 | 0x04  # of VP8X: ICCP, EXIF, XMP
_HEADER: Final = 12


def read_webp(data: bytes) -> PictureFile:
    """Rebuild a WebP; a chunk of pixels that is cut keeps its size, so that it is refused."""
    kept, found = list[bytes](), dict[bytes, bytes]()
    for kind, size, content in _chunks(data):
        head = kind + size.to_bytes(4, "little")
        if kind in _PIXELS:
            kept += [head, content, bytes(size & 1)]
        elif kind == b"VP8X" and not kept and content:
            kept += [head, bytes([content[0] & ~_METADATA_FLAGS]), content[1:]]
        else:
            found.setdefault(kind, content)
    body = b"WEBP" + b"".join(kept)
    exif = (found[b"EXIF"],) if b"EXIF" in found else ()
    return PictureFile(b"RIFF" + len(body).to_bytes(4, "little") + body, found.get(b"ICCP"), exif)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield name, stated size and content of each chunk; some writers forget the padding of an odd one."""
    at = _HEADER
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        yield kind, size, data[at + 8 : at + 8 + size]
        at += 8 + size
        if size & 1 and data[at : at + 4] not in _KNOWN:
            at += 1
