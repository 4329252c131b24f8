"""A picture without a photograph: ridges in the mist."""

import math
import random

from PIL import Image, ImageDraw

from sandbox.colour_schemes import Colour, ColourScheme
from sandbox.shapes import oval, with_halo


def landscape(size: tuple[int, int], scheme: ColourScheme, rng: random.Random) -> Image.Image:
    """Draw misty ridges under a low sun, for a prompt that comes without a photograph."""
    width, height = size
    sky = _sky(size, scheme)
    centre = round(width * rng.uniform(0.3, 0.7)), round(height * rng.uniform(0.34, 0.44))
    radius = round(min(size) * rng.uniform(0.1, 0.15))
    sky = with_halo(sky, centre, radius, scheme)
    sky.paste(scheme.stops[4], (centre[0] - radius, centre[1] - radius), oval(radius))
    for layer in range(5):
        tint = _between(scheme.stops[3], scheme.stops[0], (layer + 1) / 5)
        sky.paste(tint, (0, 0), _ridge(size, height * (0.5 + 0.1 * layer), height * (0.1 + 0.012 * layer), rng))
    return sky


def _sky(size: tuple[int, int], scheme: ColourScheme) -> Image.Image:
    tones = Image.linear_gradient("L").point(lambda value: 70 + value * 0.95 if value < 160 else 222)
    red, green, blue = scheme.curves()
    strip = Image.merge("RGB", (tones.point(red), tones.point(green), tones.point(blue)))
    return strip.resize(size, Image.Resampling.BICUBIC)


def _ridge(size: tuple[int, int], base: float, swing: float, rng: random.Random) -> Image.Image:
    """Return the mask of everything below a line made of four waves."""
    waves = [(rng.uniform(0.6, 1.4) * 2**i, rng.uniform(0, math.tau), 0.55**i) for i in range(4)]
    steps = range(0, size[0] * 2 + 8, 8)
    line = [
        (x, 2 * (base - swing * sum(a * math.sin(f * math.tau * x / (size[0] * 2) + p) for f, p, a in waves)))
        for x in steps
    ]
    mask = Image.new("L", (size[0] * 2, size[1] * 2))
    ImageDraw.Draw(mask).polygon([(0, size[1] * 2), *line, (size[0] * 2 + 8, size[1] * 2)], fill=255)
    return mask.reduce(2)


def _between(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue
