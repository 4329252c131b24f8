"""Pictures that every viewer opens although something about them is odd, made byte by byte."""

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Final

from PIL import Image

from tests.builders.pictures import saved

SIDE: Final = 24
TONE: Final = (200, 80, 40)
P3_GREEN: Final = (117, 251, 76)
"""What sRGB calls (0, 255, 0)."""

P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


def chunk(kind: bytes, content: bytes, *, spoilt: bool = False) -> bytes:
    checksum = zlib.crc32(kind + content) ^ spoilt
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(
    depth: int, colour: int, sample: bytes, before: bytes = b"", *, after: bytes = b"", packed: bytes | None = None
) -> bytes:
    """A picture of one colour; ``sample`` are the bytes of a pixel, or of the eighth to half of a byte's pixels."""
    pixels = {1: SIDE // 8, 2: SIDE // 4, 4: SIDE // 2}.get(depth, SIDE)
    rows = (b"\0" + sample * pixels) * SIDE
    header = struct.pack(">IIBBBBB", SIDE, SIDE, depth, colour, 0, 0, 0)
    pieces = (
        chunk(b"IHDR", header),
        before,
        chunk(b"IDAT", zlib.compress(rows) if packed is None else packed),
        after,
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


def packed_rows(sample: bytes = bytes(TONE)) -> bytes:
    return zlib.compress((b"\0" + sample * SIDE) * SIDE)


def toned_png(before: bytes = b"", after: bytes = b"") -> bytes:
    return png(8, 2, bytes(TONE), before, after=after)


def palette(depth: int, transparency: bytes, before: bytes = b"") -> bytes:
    """A PNG whose pixels are entry 1, the tone."""
    ones = {1: b"\xff", 2: b"\x55", 4: b"\x11", 8: b"\1"}[depth]
    table = chunk(b"PLTE", bytes(3) + bytes(TONE))
    return png(depth, 3, ones, before + table + (chunk(b"tRNS", transparency) if transparency else b""))


def key(*samples: int) -> bytes:
    return chunk(b"tRNS", struct.pack(f">{len(samples)}H", *samples))


def gamma(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chromaticities(points: Sequence[float]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in points)))


def coded(primaries: int, transfer: int, full_range: int = 1) -> bytes:
    return chunk(b"cICP", bytes((primaries, transfer, 0, full_range)))


def embedded(profile: bytes, *, spoilt: bool = False) -> bytes:
    return chunk(b"iCCP", b"a name\0\0" + zlib.compress(profile), spoilt=spoilt)


def linear_grey_profile() -> bytes:
    """A profile of grey whose samples are light (ICC.1, 6.3.2)."""
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63_190, 65_536, 54_061)
    tags = struct.pack(">I", 2) + b"kTRC" + struct.pack(">II", 156, 12) + b"wtpt" + struct.pack(">II", 168, 20)
    head = struct.pack(">I4sI4s4s4s", 188, b"none", 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + white[8:]
    return head.ljust(128, b"\0") + tags + curve + white


def tone_jpeg(tone: tuple[int, ...] = TONE, mode: str = "RGB", **options: object) -> bytes:
    return saved(Image.new(mode, (64, 64), tone), "JPEG", quality=95, **options)


def noise_jpeg(mode: str = "RGB", **options: object) -> bytes:
    """A picture that depends on every byte of its scans."""
    bands = [Image.effect_noise((120, 90), 80 + band) for band in range(len(Image.new(mode, (1, 1)).getbands()))]
    return saved(Image.merge(mode, bands), "JPEG", **{"quality": 85} | options)


def segment(marker: int, content: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg_with(extra: bytes, data: bytes | None = None) -> bytes:
    """Put bytes behind the first application segment of a JPEG."""
    data = tone_jpeg() if data is None else data
    end = 4 + int.from_bytes(data[4:6], "big")
    return data[:end] + extra + data[end:]


def before_marker(marker: bytes, extra: bytes, **options: object) -> bytes:
    """Put bytes before the last segment of a marker in a JPEG."""
    data = tone_jpeg(**options)  # type: ignore[arg-type]
    at = data.rindex(b"\xff" + marker)
    return data[:at] + extra + data[at:]


def orientation(number: int) -> bytes:
    return b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + struct.pack("<H", number) + bytes(6)


def webp_with(extra: bytes, *, size: int = 0, flags: int = 0, mode: str = "RGB", lossless: bool = True) -> bytes:
    """A WebP with further chunks, which tells of itself ``size`` bytes more than it has."""
    target = io.BytesIO()
    Image.new(mode, (SIDE, SIDE), TONE).save(target, "WEBP", lossless=lossless, quality=95)
    canvas = (SIDE - 1).to_bytes(3, "little") * 2
    body = b"WEBPVP8X\x0a\0\0\0" + bytes([flags]) + bytes(3) + canvas + target.getvalue()[12:] + extra
    return b"RIFF" + struct.pack("<I", len(body) + size) + body
