"""The ways a photograph becomes a picture: from the photograph, a colour scheme and a generator."""

import random
from collections.abc import Callable
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageOps

from sandbox.colour_schemes import ColourScheme
from sandbox.shapes import oval, with_disc, with_halo, with_rings

Composition = Callable[[Image.Image, ColourScheme, random.Random], Image.Image]


def colour_graded(photo: Image.Image, scheme: ColourScheme, *, share: float = 0.82) -> Image.Image:
    """Map the photograph's tones to the scheme and keep `1 - share` of its own colours."""
    tones = ImageOps.autocontrast(photo.convert("L"), cutoff=(1, 0.5))
    red, green, blue = scheme.curves()
    mapped = Image.merge("RGB", (tones.point(red), tones.point(green), tones.point(blue)))
    return Image.blend(photo, mapped, share)


def portal(photo: Image.Image, scheme: ColourScheme, rng: random.Random) -> Image.Image:
    """Show a disc of the mirrored photograph in its counter colours."""
    ground = colour_graded(photo, scheme)
    radius = round(min(photo.size) * rng.uniform(0.29, 0.34))
    centre = round(photo.width * rng.choice((0.38, 0.5, 0.62))), round(photo.height * 0.47)
    box = centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius
    inside = ImageOps.mirror(_zoomed(photo, 1.12, rng)).crop(box)
    ground = with_halo(ground, centre, radius, scheme)
    ground.paste(colour_graded(inside, scheme.inverted(), share=0.92), box[:2], oval(radius))
    return with_rings(ground, centre, (radius, round(radius * 1.09)), scheme.stops[4])


def sun(photo: Image.Image, scheme: ColourScheme, rng: random.Random) -> Image.Image:
    """Print a great disc of the accent behind the photograph's darker tones, as a silk-screen would."""
    ground = colour_graded(photo, scheme)
    radius = round(min(photo.size) * rng.uniform(0.30, 0.36))
    centre = (
        round(photo.width * rng.choice((0.33, 0.5, 0.67))),
        round(photo.height * rng.uniform(0.36, 0.46)),
    )
    ink = Image.new("RGB", photo.size, scheme.accent)
    tones = ImageOps.autocontrast(photo.convert("L"), cutoff=2).point(lambda value: min(255, 40 + value * 1.25))
    printed = ImageChops.multiply(Image.merge("RGB", (tones, tones, tones)), ink)
    ground = with_disc(ground, printed, centre, radius)
    return with_rings(ground, centre, (round(radius * 1.07), round(radius * 1.12)), scheme.stops[4])


def mirror(photo: Image.Image, scheme: ColourScheme, rng: random.Random) -> Image.Image:
    """Fold the photograph along its middle."""
    source = _zoomed(photo, 1.15, rng)
    half = source.crop((0, 0, (source.width + 1) // 2, source.height))
    if rng.random() < 0.5:
        half = ImageOps.mirror(source.crop((source.width // 2, 0, source.width, source.height)))
    folded = Image.new("RGB", source.size)
    folded.paste(half, (0, 0))
    folded.paste(ImageOps.mirror(half), (source.width - half.width, 0))
    return colour_graded(folded, scheme)


def panels(photo: Image.Image, scheme: ColourScheme, rng: random.Random) -> Image.Image:
    """Set three tall crops side by side, each nearer than the last and in a neighbouring colour."""
    turns = (0.0, 22.0, -22.0) if rng.random() < 0.5 else (-22.0, 0.0, 22.0)
    gutter = max(2, photo.width // 90)
    sheet = Image.new("RGB", photo.size, scheme.stops[4])
    width = (photo.width - 2 * gutter) / 3
    for index, turn in enumerate(turns):
        left, right = round(index * (width + gutter)), round(index * (width + gutter) + width)
        near = _zoomed(photo, (1.0, 1.35, 1.8)[index], rng)
        near = ImageChops.offset(near, round((index - 1) * photo.width * 0.12), 0) if index == 1 else near
        sheet.paste(colour_graded(near.crop((left, 0, right, photo.height)), scheme.rotated(turn)), (left, 0))
    return sheet


def echo(photo: Image.Image, scheme: ColourScheme, rng: random.Random) -> Image.Image:
    """Nest the photograph in itself three times, every frame in another light."""
    sheet = colour_graded(photo, scheme)
    drift = rng.choice((-0.5, 0.0, 0.5))
    for depth, turn in ((0.74, 40.0), (0.5, -40.0), (0.29, 0.0)):
        size = round(photo.width * depth), round(photo.height * depth)
        inner = colour_graded(
            photo.resize(size, Image.Resampling.BICUBIC), scheme.rotated(turn), share=0.86 * depth + 0.2
        )
        border = max(2, photo.width // 240)
        left = round((photo.width - size[0]) * (0.5 + drift * (1 - depth) * 0.3))
        top = round((photo.height - size[1]) * 0.46)
        sheet.paste(ImageOps.expand(inner, border, scheme.stops[4]), (left - border, top - border))
    return sheet


def kaleidoscope(photo: Image.Image, scheme: ColourScheme, rng: random.Random) -> Image.Image:
    """Turn a wedge of the photograph round the middle, eight times, each other one mirrored."""
    side = max(photo.size)
    source = ImageOps.fit(_zoomed(photo, 1.3, rng), (side, side), Image.Resampling.BILINEAR)
    quarter = source.crop((0, 0, (side + 1) // 2, (side + 1) // 2))
    diagonal = Image.new("L", quarter.size)
    ImageDraw.Draw(diagonal).polygon([(0, 0), (quarter.width, quarter.height), (0, quarter.height)], fill=255)
    quarter.paste(quarter.transpose(Image.Transpose.TRANSPOSE), (0, 0), diagonal)
    half = _side_by_side(quarter, ImageOps.mirror(quarter), side)
    whole = Image.new("RGB", (side, side))
    whole.paste(half, (0, 0))
    whole.paste(ImageOps.flip(half), (0, side - half.height))
    return colour_graded(ImageOps.fit(whole, photo.size, Image.Resampling.BILINEAR), scheme)


COMPOSITIONS: Final[dict[str, Composition]] = {
    "portal": portal,
    "sun": sun,
    "mirror": mirror,
    "panels": panels,
    "echo": echo,
    "kaleidoscope": kaleidoscope,
}


def _zoomed(photo: Image.Image, factor: float, rng: random.Random) -> Image.Image:
    """Return a crop of the photograph, `factor` times nearer, at the same size."""
    width, height = photo.width / factor, photo.height / factor
    left = (photo.width - width) * rng.uniform(0.3, 0.7)
    top = (photo.height - height) * rng.uniform(0.2, 0.6)
    box = (left, top, left + width, top + height)
    return photo.resize(photo.size, Image.Resampling.BILINEAR, box=box)


def _side_by_side(left: Image.Image, right: Image.Image, width: int) -> Image.Image:
    sheet = Image.new("RGB", (width, left.height))
    sheet.paste(left, (0, 0))
    sheet.paste(right, (width - right.width, 0))
    return sheet
