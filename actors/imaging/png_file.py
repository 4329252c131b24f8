"""Take a PNG apart: the chunks that carry its pixels, and of its metadata what changes how it looks.

Each ancillary chunk counts alone: one with a wrong checksum or length is as if it were absent. Pillow would give up.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from actors.imaging.picture_file import PictureFile
from actors.imaging.png_colours import profile_of

_SIGNATURE: Final = 8
_KNOWN: Final = frozenset({b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"eXIf", b"acTL", b"fcTL"})
_CHANNELS: Final = {0: 1, 2: 3}  # colour types whose tRNS is a colour
_GREY: Final = frozenset({0, 4})
_PALETTE: Final = 3
_CRITICAL: Final = re.compile(b"PLTE|tRNS|IDAT|IEND")
_BELIEVED: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_MAX_REPACKED: Final = 128 * 2**20
_EXIF: Final = b"Exif\0\0"


class Chunk(NamedTuple):
    """A chunk: its name, where its content begins, and the content's size, at most what is there."""

    kind: bytes
    start: int
    size: int


def read_png(data: bytes) -> PictureFile:
    """Rebuild a PNG from IHDR, the palette and IDAT; an animation becomes its default picture."""
    palette, pixels = b"", list[bytes]()
    found = dict[bytes, bytes]()
    for kind, start, size in chunks(data):
        if kind == b"IDAT":
            pixels.append(data[start - 8 : start + size + 4] if start + size + 4 <= len(data) else _cut(data[start:]))
        elif kind == b"PLTE":
            palette = palette or data[start : start + min(size, 768) // 3 * 3]
        elif kind in _KNOWN and kind not in found and (not pixels or kind == b"eXIf") and _intact(data, start, size):
            found[kind] = data[start : start + size]
    depth, colour = data[24], data[25]
    kept = [data[:_SIGNATURE], _chunk(b"IHDR", data[16:29])]
    if colour == _PALETTE:
        kept += [_chunk(b"PLTE", palette)]
        kept += [_chunk(b"tRNS", found[b"tRNS"][:256])] if found.get(b"tRNS") else []
    rebuilt = b"".join((*kept, *pixels, _chunk(b"IEND", b"")))
    exif = (_EXIF + found[b"eXIf"],) if b"eXIf" in found else ()
    return PictureFile(
        rebuilt, profile_of(found), exif, _frames(found), _key(found, depth, colour), depth, colour in _GREY
    )


def chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks from IHDR to IEND or to where they end; skip those whose size leads astray."""
    at = _SIGNATURE
    while at + 8 <= len(data):
        kind, end = _read(data, at)
        if kind == b"IEND":
            return
        if _leads_on(data, at):
            yield Chunk(kind, at + 8, min(end - 4, len(data)) - at - 8)
            at = end
        else:
            later = (found.start() - 4 for found in _CRITICAL.finditer(data, at + 8))
            at = next((position for position in later if _leads_on(data, position)), len(data))


def repacked(data: bytes) -> bytes:
    """Pack the pixels of a rebuilt PNG anew, since their checksum is wrong; OSError when they are incomplete."""
    pieces = [data[start : start + size] for kind, start, size in chunks(data) if kind == b"IDAT"]
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    rows = unpacking.decompress(b"".join(pieces)[2:], _MAX_REPACKED)
    if not unpacking.eof:
        raise OSError("image file is truncated")
    before, _, _ = data.partition(b"IDAT")
    return before[:-4] + _chunk(b"IDAT", zlib.compress(rows, 1)) + _chunk(b"IEND", b"")


def _read(data: bytes, at: int) -> tuple[bytes, int]:
    """Read the name of a chunk, and where it ends."""
    return data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4], "big")


def _leads_on(data: bytes, at: int) -> bool:
    """Tell whether another chunk may follow this one; a critical one is believed."""
    kind, end = _read(data, at)
    follows = data[end + 4 : end + 8]
    return kind in _BELIEVED or (kind.isalpha() and ((follows.isalpha() and len(follows) == 4) or end == len(data)))


def _intact(data: bytes, start: int, size: int) -> bool:
    return data[start + size : start + size + 4] == zlib.crc32(data[start - 4 : start + size]).to_bytes(4, "big")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return b"%b%b%b%b" % (
        len(content).to_bytes(4, "big"),
        kind,
        content,
        zlib.crc32(kind + content).to_bytes(4, "big"),
    )


def _cut(content: bytes) -> bytes:
    """Write the last IDAT of a file that ends in it; all pixels may be there."""
    return _chunk(b"IDAT", content)


def _frames(found: Mapping[bytes, bytes]) -> int:
    """Count the pictures: the default one beside the frames of an animation, unless it is the first frame."""
    animation = found.get(b"acTL", b"")
    frames = int.from_bytes(animation[:4], "big") if len(animation) == 8 else 0
    return frames + (b"fcTL" not in found) if 0 < frames < 2**31 else 1


def _key(found: Mapping[bytes, bytes], depth: int, colour: int) -> tuple[int, ...] | None:
    """Read the transparent colour, of whose 16 bits a sample has the lower ones."""
    content, channels = found.get(b"tRNS", b""), _CHANNELS.get(colour, 0)
    if not channels or len(content) != 2 * channels:
        return None
    return tuple(int.from_bytes(content[at : at + 2], "big") & ((1 << depth) - 1) for at in range(0, len(content), 2))
