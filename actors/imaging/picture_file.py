"""A picture file taken apart into pixels and metadata."""

from typing import NamedTuple


class PictureFile(NamedTuple):
    """``data`` holds what carries pixels and nothing else, for Pillow.

    ``profile`` is the ICC profile of its colours, None for sRGB; ``exif`` are its EXIF blocks, the first good one
    counts; ``key`` is the one transparent colour of a PNG, as its samples of ``depth`` bits; ``grey`` tells that it
    has no other colours.
    """

    data: bytes
    profile: bytes | None = None
    exif: tuple[bytes, ...] = ()
    frames: int = 1
    key: tuple[int, ...] | None = None
    depth: int = 8
    grey: bool = False
