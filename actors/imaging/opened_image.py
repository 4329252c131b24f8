"""Open picture files with Pillow, each rebuilt from what carries its pixels."""

import hashlib
import io
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageChops, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from actors.imaging.jpeg_file import ended, read_jpeg
from actors.imaging.picture_file import PictureFile
from actors.imaging.png_file import read_png, repacked
from actors.imaging.webp_file import read_webp
from domain.submission.composition import Size
from domain.submission.image_header import Format, judge

_FORMATS: Final = (
    JpegImagePlugin.JpegImageFile.format,
    PngImagePlugin.PngImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
)
_ORIENTATION: Final = 0x0112
_EXIF_BLOCKS: Final = 4
_FILLERS: Final = (0x00, 0xAA)


def opened(data: bytes, least: Size) -> tuple[Image.Image, PictureFile]:
    """Decode a picture file fully, a JPEG no larger than ``least`` needs; return it with its metadata."""
    header = judge(data)
    file = _taken_apart(header.format, data)
    size = header.width, header.height
    try:
        picture = _loaded(file.data, size, least)
    except OSError:
        picture = _repaired(header.format, file.data, size, least)
    if file.key is not None:
        picture = _keyed(picture, file, file.key)
    if file.grey and picture.mode == "RGBA":  # which is how Pillow reads grey and alpha of 16 bits
        picture = picture.convert("LA")
    return picture, file


def _repaired(kind: Format, data: bytes, size: Size, least: Size) -> Image.Image:
    """Decode a picture whose pixels are complete, though Pillow does not think so; raises like the decoder."""
    match kind:
        case "jpeg":
            return _without_end(data, size, least)
        case "png":
            return _loaded(repacked(data), size, least)
        case "webp":
            raise OSError("image file is truncated")


def orientation_of(blocks: Sequence[bytes]) -> int:
    """Read the EXIF orientation, 1 to 8; broken EXIF does not spoil a good picture."""
    for block in blocks[:_EXIF_BLOCKS]:
        exif = Image.Exif()
        try:
            exif.load(block)
            found = exif.get(_ORIENTATION)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S112 - EXIF is a TIFF inside, and fails in as many ways
            continue
        if isinstance(found, int) and 1 <= found <= 8:
            return found
    return 1


def continuous(picture: Image.Image) -> Image.Image:
    """Bring any mode to one that can be scaled; a copy of the full size is made only where it must."""
    if picture.mode.startswith("I"):
        return _eight_bits(picture)
    if picture.mode in {"LA", "RGBA"}:
        return picture
    if picture.has_transparency_data:
        return picture.convert("LA" if picture.mode in {"1", "L"} else "RGBA")
    if picture.mode == "1":
        return picture.convert("L")
    return picture if picture.mode in {"L", "RGB", "CMYK"} else picture.convert("RGB")


def _taken_apart(kind: Format, data: bytes) -> PictureFile:
    match kind:
        case "jpeg":
            return read_jpeg(data)
        case "png":
            return read_png(data)
        case "webp":
            return read_webp(data)


def _loaded(data: bytes, size: Size, least: Size) -> Image.Image:
    """Decode all of a file; Pillow must agree with its header about the size."""
    picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    if picture.size != size:
        raise ValueError("the header and the decoder disagree about the size")
    picture.draft(None, least)
    picture.load()
    return picture


def _without_end(data: bytes, size: Size, least: Size) -> Image.Image:
    """Decode a JPEG without its end marker; OSError when pixels are missing, which are then the filler's."""
    one, other = (_fingerprint(ended(data, filler), size) for filler in _FILLERS)
    if one != other:
        raise OSError("image file is truncated")
    return _loaded(ended(data, _FILLERS[0]), size, least)


def _fingerprint(data: bytes, size: Size) -> bytes:
    return hashlib.sha256(_loaded(data, size, size).tobytes()).digest()


def _keyed(picture: Image.Image, file: PictureFile, key: Sequence[int]) -> Image.Image:
    """Make the one transparent colour of a PNG transparent, of which Pillow knows 8 bits alone."""
    if picture.mode == "RGB" and file.depth > 8:
        return _keyed_by_16_bits(picture, file.data, key)
    scaled = [value * max(255 // ((1 << file.depth) - 1), 1) for value in key]
    picture.info["transparency"] = tuple(scaled) if len(scaled) > 1 else scaled[0]
    return picture


def _keyed_by_16_bits(picture: Image.Image, data: bytes, key: Sequence[int]) -> Image.Image:
    """Compare the high bytes, which were decoded, and the low bytes, which are decoded now."""
    low = Image.open(io.BytesIO(data), formats=_FORMATS)
    low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]
    hits = Image.new("L", picture.size, 255)
    for image, shift in ((picture, 8), (low, 0)):
        for band, value in zip("RGB", key, strict=True):
            tones = [255 if tone == value >> shift & 255 else 0 for tone in range(256)]
            hits = ImageChops.darker(hits, image.getchannel(band).point(tones))
    picture.putalpha(ImageChops.invert(hits))
    return picture


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits (Pillow's own conversion clips); one value may stand for transparent."""
    wide = picture.convert("I")
    grey = wide.point([(value + 128) // 257 for value in range(65_536)], "L")
    clear = picture.info.get("transparency")
    if not isinstance(clear, int):
        return grey
    alpha = wide.point([0 if value == clear else 255 for value in range(65_536)], "L")
    return Image.merge("LA", (grey, alpha))
