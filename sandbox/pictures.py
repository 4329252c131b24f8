"""Make one picture out of a photograph, a prompt and a seed: the same bytes for the same three, always."""

import hashlib
import io
import random
from dataclasses import dataclass

from PIL import Image, ImageOps

from sandbox import effects
from sandbox.colour_schemes import scheme_for
from sandbox.compositions import COMPOSITIONS, colour_graded
from sandbox.landscapes import landscape
from sandbox.png import encoded

_SMALLEST = 64
"""Pixels a side under which a photograph is only graded: too small for a composition."""
_LARGEST = 2048 * 2048


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a picture depends on; `size` in pixels counts only without an image."""

    prompt: str
    seed: int
    index: int = 0
    size: tuple[int, int] = (1024, 1024)
    strength: float = 0.8
    image: bytes | None = None
    mask: bytes | None = None


class InvalidImageError(ValueError):
    """The input holds no picture, or one too large; the text is the prediction's error."""


def make(recipe: Recipe) -> bytes:
    """Return the picture as PNG; raise UnmakeableError when image, mask or size cannot be used."""
    photo = _opened(recipe.image) if recipe.image is not None else None
    picture = _finished(_composed(photo, recipe), recipe)
    if photo is not None and recipe.mask is not None:
        white = _opened(recipe.mask).convert("L").resize(photo.size)
        picture = Image.composite(picture, photo, white)
    return encoded(picture)


def ready() -> bytes:
    """Return the one prepared picture for benchmarks: small, and made once."""
    return make(Recipe(prompt="a ready picture, golden dusk", seed=1, size=(512, 512)))


def _composed(photo: Image.Image | None, recipe: Recipe) -> Image.Image:
    scheme = scheme_for(recipe.prompt, _rng(recipe, "palette"))
    rng = _rng(recipe, f"composition {recipe.index}")
    if photo is None:
        return landscape(_checked_size(recipe.size), scheme, rng)
    if min(photo.size) < _SMALLEST:
        return colour_graded(photo, scheme)
    made = COMPOSITIONS[_composition(recipe)](photo, scheme, rng)
    return Image.blend(photo, made, min(1.0, recipe.strength * 1.2))


def _composition(recipe: Recipe) -> str:
    """Return the composition that the prompt names, else a random one; every output differs."""
    names = list(COMPOSITIONS)
    named = [name for name in names if name in recipe.prompt.lower().split()]
    if named and recipe.index == 0:
        return named[0]
    return names[(_rng(recipe, "first").randrange(len(names)) + recipe.index) % len(names)]


def _finished(picture: Image.Image, recipe: Recipe) -> Image.Image:
    picture = effects.vignette(effects.bloom(picture))
    picture = effects.grain(picture, _rng(recipe, "grain"))
    return effects.caption(picture, recipe.prompt)


def _rng(recipe: Recipe, use: str) -> random.Random:
    """Return a repeatable generator for one use, so that a change of one leaves the others as they are."""
    text = f"{use}\0{recipe.seed}\0{recipe.prompt}"
    return random.Random(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())  # noqa: S311


def _opened(data: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data)) as source:
            _checked_size(source.size)
            return ImageOps.exif_transpose(source).convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidImageError("cannot identify image file") from error


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    if width < 1 or height < 1:
        raise InvalidImageError(f"height and width must be positive but are {height} and {width}")
    if width * height > _LARGEST:
        raise InvalidImageError("CUDA out of memory (E1001)")
    return size
