"""Decode pictures fully. Runs in the decoder worker, never in a process that serves.

CMYK, 16 bits, palette, transparency, embedded profile, EXIF rotation and several frames all become plain
8-bit sRGB without metadata. Every function may raise whatever Pillow raises.
"""

import io
from functools import cache, lru_cache
from itertools import product
from typing import Final, NamedTuple

from PIL import Image, ImageChops, ImageCms, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from domain.submission.composition import MAX_SIDE, Size, canvas
from domain.submission.image_header import Header, judge

FORMATS: Final = (
    JpegImagePlugin.JpegImageFile.format,
    PngImagePlugin.PngImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
)
_ORIENTATION: Final = 0x0112
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
    with _opened(data) as picture:
        picture.draft(None, (1, 1))  # all of a JPEG is read, and only the averages of its blocks are made
        picture.load()
    return judge(data)


def decode(data: bytes, *, alone: bool = False) -> DecodedImage:
    """Decode the first frame fully, transparency over white; ``alone`` when no other example sets the canvas."""
    header = judge(data)
    least = canvas((header.width, header.height)) if alone else (MAX_SIDE, MAX_SIDE)
    with _opened(data) as picture:
        mode, frames = picture.mode, getattr(picture, "n_frames", 1)  # not every plugin of Pillow has it
        picture.draft(None, least)
        picture.load()
        orientation = _orientation(picture)
        image = _opaque(_shrunk(_continuous(picture), least))
        profile = picture.info.get("icc_profile")
    if orientation in _TRANSPOSITIONS:
        image = image.transpose(_TRANSPOSITIONS[orientation])
    image.info = {}
    width, height = (header.width, header.height) if orientation < 5 else (header.height, header.width)
    return DecodedImage(image, profile, width, height, header.format, mode, frames, orientation)


def srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an opaque image to 8-bit sRGB from the colours of its embedded ICC profile."""
    return (_managed(image, profile) if profile else None) or image.convert("RGB")


def _opened(data: bytes) -> Image.Image:
    """Open a picture; Pillow must agree with its header about the size."""
    header = judge(data)
    picture = Image.open(io.BytesIO(data), formats=FORMATS)
    if picture.size != (header.width, header.height):
        raise ValueError("the header and the decoder disagree about the size")
    return picture


def _orientation(picture: Image.Image) -> int:
    """Read the EXIF orientation, 1 to 8; broken EXIF does not spoil a good picture."""
    try:
        found = picture.getexif().get(_ORIENTATION)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - EXIF is a TIFF inside, and fails in as many ways
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _continuous(picture: Image.Image) -> Image.Image:
    """Bring any mode to one that can be scaled; a copy of the full size is made only where it must."""
    if picture.mode.startswith("I"):
        return _eight_bits(picture)
    if picture.mode in {"LA", "RGBA"}:
        return picture
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture if picture.mode in {"L", "RGB", "CMYK"} else picture.convert("RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits (Pillow's own conversion clips); one value may stand for transparent."""
    wide = picture.convert("I")
    grey = wide.point([(value + 128) // 257 for value in range(65_536)], "L")
    clear = picture.info.get("transparency")
    if not isinstance(clear, int):
        return grey
    alpha = wide.point([0 if value == clear else 255 for value in range(65_536)], "L")
    return Image.merge("RGBA", (grey, grey, grey, alpha))


def _shrunk(image: Image.Image, least: Size) -> Image.Image:
    """Average whole blocks of pixels while both sides stay at least ``least``."""
    factor = min(image.width // least[0], image.height // least[1])
    return image.reduce(factor) if factor > 1 else image


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode not in {"LA", "RGBA"}:
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return white


def _managed(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert from a profile; None if it is sRGB's, broken, or made for another kind of picture."""
    try:
        transform = _transform(profile, image.mode)
        return ImageCms.applyTransform(image, transform) if transform else None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the conversion to sRGB; None when it changes nothing. What is raised is not kept."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(source, _standard_profile(), mode, "RGB")
    if mode != "RGB":
        return transform
    tones = range(0, 256, 15)
    probe = Image.frombytes("RGB", (18 * 18, 18), bytes(tone for rgb in product(tones, repeat=3) for tone in rgb))
    changed = ImageChops.difference(ImageCms.applyTransform(probe, transform) or probe, probe)
    return transform if max(changed.tobytes()) > 1 else None


@cache
def _standard_profile() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
