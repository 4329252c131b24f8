"""Colour schemes: a prompt and a seed give one.

A scheme is five stops from the deepest shadow to the brightest light, mapped to a photograph's luminance.
"""

import colorsys
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ColourScheme:
    """Five colours by rising luminance and the accent that contrasts with them."""

    stops: tuple[Colour, ...]
    accent: Colour

    def rotated(self, degrees: float) -> "ColourScheme":
        """Return this scheme with every hue rotated by `degrees`."""
        return ColourScheme(tuple(_rotated(stop, degrees) for stop in self.stops), _rotated(self.accent, degrees))

    def inverted(self) -> "ColourScheme":
        """Return the scheme that runs from the same shadows through the accent to the same lights."""
        dark, light = self.stops[0], self.stops[4]
        middle = (_blend(dark, self.accent, 0.45), self.accent, _blend(self.accent, light, 0.6))
        return ColourScheme((dark, *middle, light), self.stops[2])

    def curves(self) -> tuple[list[int], list[int], list[int]]:
        """Return one 256-entry table a channel, mapping luminance to colour."""
        colour_schemes = list(_gradient(self.stops))
        return [c[0] for c in colour_schemes], [c[1] for c in colour_schemes], [c[2] for c in colour_schemes]


def _hex(value: str) -> Colour:
    return int(value[0:2], 16), int(value[2:4], 16), int(value[4:6], 16)


def _scheme(stops: str, accent: str) -> ColourScheme:
    return ColourScheme(tuple(map(_hex, stops.split())), _hex(accent))


_NEON: Final = _scheme("0a0524 4a0f7a e0218a 5fd3e8 f2fdff", "19e6d2")
_SUNSET: Final = _scheme("170c2b 6a1b57 d64b2f ffb35c fff3d1", "ff7a3d")
_OCEAN: Final = _scheme("04101d 0d3f5c 2b8ba3 a3e0da f6fffb", "ff8f6b")
_FOREST: Final = _scheme("08130f 1b4430 5f8a3c ccd06f fbf7d9", "e98a3a")
_NOIR: Final = _scheme("08090b 2b2d33 7f8187 d3cec6 fbf7ee", "c8102e")
_PASTEL: Final = _scheme("3a3152 8777ab e7a5a8 f6d8c3 fffaf1", "6cc3c1")
_COSMOS: Final = _scheme("05030f 1f1852 5d43b8 d884d8 fff1f8", "ffd166")
_VINTAGE: Final = _scheme("1d130f 5a3b25 b57a3e e8c486 fdf4df", "2f6f73")
_FIRE: Final = _scheme("110304 5f0b0b c92d13 ff9c33 fff2b8", "2ec4ff")
_ROSE: Final = _scheme("1b0a1c 6b1d4b d1517f f7b2b7 fff4ef", "2b9eb3")

_SCHEME_OF: Final[dict[str, ColourScheme]] = {
    word: scheme
    for scheme, keywords in (
        (_NEON, "neon cyberpunk synthwave vaporwave futuristic cyber glitch robot electric hologram"),
        (_SUNSET, "sunset sunrise dusk dawn golden autumn desert warm evening orange amber summer"),
        (_OCEAN, "ocean sea underwater water blue winter ice frozen snow lake river cold rain teal glacier"),
        (_FOREST, "forest jungle nature green moss garden leaves meadow emerald botanical woodland"),
        (_NOIR, "noir black monochrome charcoal ink pencil sketch grayscale bw shadow"),
        (_PASTEL, "pastel watercolor watercolour spring dreamy soft cloud gentle anime ghibli"),
        (_COSMOS, "space galaxy cosmic night stars nebula moon midnight magic fantasy purple violet"),
        (_VINTAGE, "vintage retro sepia antique oil renaissance baroque brown rustic"),
        (_FIRE, "fire lava red volcano dragon inferno ember hell crimson"),
        (_ROSE, "rose love pink cherry blossom romantic floral flower wedding"),
    )
    for word in keywords.split()
}


def scheme_for(prompt: str, rng: random.Random) -> ColourScheme:
    """Return the scheme that the prompt names (a second one gives the accent), or a random one.

    `rng` rotates the hues by at most ten degrees, so that seeds differ.
    """
    named = list(dict.fromkeys(_named(prompt)))
    turn = rng.uniform(-10, 10)
    if not named:
        return _random_scheme(rng)
    accent = named[1].stops[2] if len(named) > 1 else named[0].accent
    return ColourScheme(named[0].stops, accent).rotated(turn)


def _named(prompt: str) -> Iterator[ColourScheme]:
    for word in re.findall(r"[a-z]+", prompt.lower()):
        if scheme := _SCHEME_OF.get(word):
            yield scheme


def _random_scheme(rng: random.Random) -> ColourScheme:
    """Return neighbouring hues from cold shadows to warm lights, for a prompt that names no scheme."""
    hue, drift = rng.random(), rng.choice((-0.16, -0.1, 0.1, 0.16))
    shape = ((0.055, 0.60), (0.23, 0.55), (0.48, 0.50), (0.77, 0.62), (0.965, 0.80))
    stops = tuple(_colour(hue + drift * i, light, depth) for i, (light, depth) in enumerate(shape))
    return ColourScheme(stops, _colour(hue + 0.5, 0.58, 0.85))


def _colour(hue: float, light: float, depth: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue % 1.0, light, depth)
    return round(red * 255), round(green * 255), round(blue * 255)


def _rotated(colour: Colour, degrees: float) -> Colour:
    hue, light, depth = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    return _colour(hue + degrees / 360, light, depth)


def _blend(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _gradient(stops: tuple[Colour, ...]) -> Iterator[Colour]:
    """Yield 256 colours; the stops lie where the tones of photographs are frequent."""
    positions = (0, 58, 122, 196, 256)
    for (start, end), (a, b) in zip(pairwise(positions), pairwise(stops), strict=True):
        for step in range(end - start):
            yield _blend(a, b, step / (end - start))
