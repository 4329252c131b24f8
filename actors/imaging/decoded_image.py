"""Decode pictures fully. Runs in the decoder worker, never in a process that serves.

CMYK, 16 bits, palette, transparency, embedded profile, EXIF rotation and several frames all become plain
8-bit sRGB without metadata. Every function may raise whatever Pillow raises.
"""

from typing import Final, NamedTuple

from PIL import Image

from actors.imaging.colours import over_white
from actors.imaging.opened_image import continuous, opened, orientation_of
from domain.submission.composition import MAX_SIDE, Size, canvas
from domain.submission.image_header import Header, judge

_WEIGHTED: Final = {"LA": "La", "RGBA": "RGBa"}  # modes whose colours are multiplied by their alpha
_ROWS: Final = 64
_TRANSPOSITIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class DecodedImage(NamedTuple):
    """A decoded example: ``image`` is upright, opaque, and shrunk to what a composition can still use.

    Its colours are those of ``profile``, its embedded ICC profile, until ``srgb`` converts them. ``width`` and
    ``height`` are the full size as seen; the other members describe the picture as it came.
    """

    image: Image.Image
    profile: bytes | None
    width: int
    height: int
    format: str
    mode: str
    frames: int
    orientation: int


def check(data: bytes) -> Header:
    """Decode a picture fully and return its header."""
    opened(data, (1, 1))  # all of a JPEG is read, and only the averages of its blocks are made
    return judge(data)


def decode(data: bytes, *, alone: bool = False) -> DecodedImage:
    """Decode the first frame fully, transparency over white; ``alone`` when no other example sets the canvas."""
    header = judge(data)
    least = canvas((header.width, header.height)) if alone else (MAX_SIDE, MAX_SIDE)
    picture, file = opened(data, least)
    orientation = orientation_of(file.exif)
    image, profile = over_white(_shrunk(continuous(picture), least), file.profile)
    if orientation in _TRANSPOSITIONS:
        image = image.transpose(_TRANSPOSITIONS[orientation])
    image.info = {}
    width, height = (header.width, header.height) if orientation < 5 else (header.height, header.width)
    frames = max(file.frames, getattr(picture, "n_frames", 1))  # not every plugin of Pillow has it
    return DecodedImage(image, profile, width, height, header.format, picture.mode, frames, orientation)


def _shrunk(image: Image.Image, least: Size) -> Image.Image:
    """Average whole blocks of pixels while both sides stay at least ``least``; what is clear adds no colour."""
    factor = min(image.width // least[0], image.height // least[1])
    if factor < 2:
        return image
    weighted = _WEIGHTED.get(image.mode)
    if weighted is None:
        return image.reduce(factor)
    small = Image.new(image.mode, (-(-image.width // factor), -(-image.height // factor)))
    for top in range(0, image.height, factor * _ROWS):  # a second copy of all of it would not fit the memory
        rows = image.crop((0, top, image.width, min(top + factor * _ROWS, image.height)))
        small.paste(rows.convert(weighted).reduce(factor).convert(image.mode), (0, top // factor))
    return small
