"""Take a JPEG apart: what carries its pixels, and of its metadata the profile and the orientation.

Pillow reads every segment before it decodes, and one that is cut or false spoils the whole picture there.
"""

import io
from collections.abc import Iterable
from typing import Final

from actors.imaging.picture_file import PictureFile
from domain.submission.image_header import JPEG_FRAMES, JPEG_SCAN, Segment, jpeg_segments

# ITU-T T.81: tables (C4, CC, DB), restart interval and expansion (DD, DF), frame headers, scans.
_PIXELS: Final = JPEG_FRAMES | {0xC4, 0xCC, 0xDB, 0xDD, 0xDF, JPEG_SCAN}
# They tell how colours are coded, if they are long enough for libjpeg to read: JFIF 1.02, and Adobe's segment.
_COLOURS: Final = {0xE0: (b"JFIF\0", 14), 0xEE: (b"Adobe", 12)}
_EXIF: Final = b"Exif\0\0"
_ICC: Final = b"ICC_PROFILE\0"
_END: Final = b"\xff\xd9"


def read_jpeg(data: bytes) -> PictureFile:
    """Rebuild a JPEG from the segments that carry pixels; raises UnsupportedFormat without a scan."""
    kept, exif, profile = [data[:2]], list[bytes](), list[bytes]()
    segment = Segment(0, 2, 0)
    for segment in jpeg_segments(io.BytesIO(data)):
        content = data[segment.start : segment.start + segment.size]
        name, least = _COLOURS.get(segment.marker, (b"", 0))
        if segment.marker in _PIXELS or (name and content.startswith(name) and len(content) >= least):
            kept.append(b"\xff%c%b%b" % (segment.marker, data[segment.start - 2 : segment.start], content))
        elif segment.marker == 0xE1 and content.startswith(_EXIF):
            exif.append(content)
        elif segment.marker == 0xE2 and content.startswith(_ICC):
            profile.append(content[len(_ICC) :])
    kept.append(data[segment.start + segment.size :])
    return PictureFile(b"".join(kept), _joined(profile), tuple(exif))


def ended(data: bytes, filler: int) -> bytes:
    """Add filler and an end marker to a JPEG whose own is missing: complete pixels do not depend on the filler."""
    return data.rstrip(b"\xff") + bytes([filler]) * 4_096 + _END


def _joined(pieces: Iterable[bytes]) -> bytes | None:
    """Join a profile from its numbered pieces (ICC.1, B.4); None for one that is incomplete."""
    numbered = {piece[0]: piece[2:] for piece in pieces if len(piece) > 2}
    counts = {piece[1] for piece in pieces if len(piece) > 2}
    if not numbered or counts != {len(numbered)} or set(numbered) != set(range(1, len(numbered) + 1)):
        return None
    return b"".join(numbered[number] for number in sorted(numbered))
