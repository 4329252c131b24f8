"""Convert colours to sRGB by ICC profiles."""

import io
from functools import cache, lru_cache
from itertools import product

from PIL import Image, ImageChops, ImageCms


def srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an opaque image to 8-bit sRGB from the colours of its ICC profile."""
    if profile and image.mode == "L" and profile[16:20] == b"RGB ":
        image = image.convert("RGB")
    return (_managed(image, profile) if profile else None) or image.convert("RGB")


def over_white(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """Lay what is transparent over white, in sRGB; return the image and the profile that is still to be applied."""
    if image.mode not in {"LA", "RGBA"}:
        return image, profile
    colours = image.getchannel("L") if image.mode == "LA" else image.convert("RGB")
    white = Image.new("RGB", image.size, "white")
    white.paste(srgb(colours, profile), mask=image.getchannel("A"))
    return white, None


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
