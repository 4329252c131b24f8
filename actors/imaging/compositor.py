"""Compose several pictures into the one that the model takes. Runs in the decoder worker."""

import io
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple

from PIL import Image, ImageMath

from actors.imaging.colours import srgb
from actors.imaging.decoded_image import DecodedImage, decode
from domain.submission.composition import Composition, CompositionPlan, Placement, canvas, plan

# 4/3 of it and the prefix of a data URI stay under 256,000 characters.
MAX_INPUT_BYTES: Final = 190_000
# Each quality with the smallest share of the first one's bytes that a photograph took.
QUALITIES: Final = {92: 1.0, 86: 0.70, 80: 0.55, 72: 0.44, 62: 0.35, 50: 0.28, 38: 0.22}


class Composite(NamedTuple):
    """``data`` is a JPEG of at most MAX_INPUT_BYTES; ``size`` is its own, at most the plan's."""

    data: bytes
    size: tuple[int, int]
    plan: CompositionPlan
    decoded: tuple[DecodedImage, ...]


def compose(mode: Composition, examples: Sequence[bytes], announce: Callable[[int], None]) -> Composite:
    """Decode every example and make one picture; call ``announce`` with each index before its decoding."""
    decoded = []
    for index, data in enumerate(examples):
        announce(index)
        decoded.append(decode(data, alone=len(examples) == 1))
    announce(len(examples) - 1)
    planned = plan(mode, [(one.width, one.height) for one in decoded])
    image = _arranged(planned, decoded)
    return Composite(*fitted(image), planned, tuple(decoded))


def blend(images: Sequence[Image.Image]) -> Image.Image:
    """Mix RGB images of one size with equal weights in linear light (IEC 61966-2-1)."""
    light = _light(len(images))
    bands = []
    for band in zip(*(image.split() for image in images), strict=True):
        total = band[0].point(light, "I")
        for other in band[1:]:
            total = _sum(total, other.point(light, "I"))
        bands.append(_toned(total))
    return Image.merge("RGB", bands)


def fitted(image: Image.Image) -> tuple[bytes, tuple[int, int]]:
    """Save as JPEG of at most MAX_INPUT_BYTES: lower the quality first, then the size."""
    while True:
        largest = 0
        for quality, share in QUALITIES.items():
            if largest * share > MAX_INPUT_BYTES:
                continue
            data = _jpeg(image, quality)
            if len(data) <= MAX_INPUT_BYTES:
                return data, image.size
            largest = largest or len(data)
        image = image.resize(canvas(image.size, max(image.size) * 3 // 4), Image.Resampling.LANCZOS)


def _arranged(planned: CompositionPlan, decoded: Sequence[DecodedImage]) -> Image.Image:
    layers = [_placed(decoded[placement.example], placement) for placement in planned.placements]
    match planned.mode:
        case "blend":
            return blend(layers)
        case "grid":
            return _tiled(planned, layers)
        case "single" | "first":
            return layers[0]


def _tiled(planned: CompositionPlan, layers: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (planned.width, planned.height))
    for layer, placement in zip(layers, planned.placements, strict=True):
        sheet.paste(layer, placement.box)
    return sheet


def _placed(one: DecodedImage, placement: Placement) -> Image.Image:
    """Crop and scale an image to its box; the crop is in full-size pixels, the image may be smaller."""
    across, down = one.image.width / one.width, one.image.height / one.height
    left, top, right, bottom = placement.crop
    width, height = _extent(placement)
    if (across, down, right - left, bottom - top) == (1, 1, width, height):
        x, y = int(left), int(top)
        return srgb(one.image.crop((x, y, x + width, y + height)), one.profile)
    part = (left * across, top * down, right * across, bottom * down)
    return srgb(one.image.resize((width, height), Image.Resampling.BICUBIC, part), one.profile)


def _extent(placement: Placement) -> tuple[int, int]:
    left, top, right, bottom = placement.box
    return right - left, bottom - top


def _jpeg(image: Image.Image, quality: int) -> bytes:
    saved = io.BytesIO()
    image.save(saved, "JPEG", quality=quality)
    return saved.getvalue()


def _sum(one: Image.Image, other: Image.Image) -> Image.Image:
    total: Image.Image = ImageMath.lambda_eval(lambda given: given["one"] + given["other"], one=one, other=other)
    return total


@cache
def _light(parts: int) -> list[int]:
    """Return the light that each of 256 tones adds to a mix of ``parts`` pictures; 65,535 is white."""
    return [round(_linear(tone / 255) * 65_535 / parts) for tone in range(256)]


def _toned(light: Image.Image) -> Image.Image:
    """Map light to tones; `Image.point` would round all 65,536 entries of the table again at every call."""
    return Image.Image()._new(light.im.point(_tones(), "L"))


@cache
def _tones() -> bytes:
    return bytes(round(_encoded(light / 65_535) * 255) for light in range(65_536))


def _linear(tone: float) -> float:
    return float(tone / 12.92 if tone <= 0.04045 else ((tone + 0.055) / 1.055) ** 2.4)


def _encoded(light: float) -> float:
    return float(light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)
