"""Pictures depend on their inputs only, and have the requested size and format."""

import io
import itertools
from typing import Any

import pytest
from PIL import Image

from sandbox.compositions import COMPOSITIONS
from sandbox.pictures import InvalidImageError, Recipe, make, ready


def test_equal_inputs_give_the_same_bytes(photo: Any) -> None:
    recipe = Recipe(prompt="neon cat", seed=7, image=photo())
    assert make(recipe) == make(recipe)


def test_prompt_seed_index_and_photo_each_change_the_picture(photo: Any) -> None:
    recipes = [
        Recipe(prompt="neon cat", seed=7, image=photo()),
        Recipe(prompt="forest cat", seed=7, image=photo()),
        Recipe(prompt="neon cat", seed=8, image=photo()),
        Recipe(prompt="neon cat", seed=7, index=1, image=photo()),
        Recipe(prompt="neon cat", seed=7, image=photo((160, 121))),
    ]
    assert len(set(map(make, recipes))) == len(recipes)


@pytest.mark.parametrize("composition", COMPOSITIONS)
@pytest.mark.parametrize("size", [(200, 150), (64, 300), (301, 64), (1, 1), (7, 500)])
def test_every_composition_keeps_the_size_of_the_photo(photo: Any, composition: str, size: tuple[int, int]) -> None:
    data = make(Recipe(prompt=composition, seed=1, image=photo(size, "PNG")))
    picture = Image.open(io.BytesIO(data))
    picture.load()
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", size)


@pytest.mark.parametrize("size", [(1024, 512), (8, 8), (64, 1000)])
def test_without_a_photo_the_picture_has_the_requested_size(size: tuple[int, int]) -> None:
    assert Image.open(io.BytesIO(make(Recipe(prompt="hills", seed=1, size=size)))).size == size


def test_the_prompt_chooses_the_colours(photo: Any) -> None:
    def mean(prompt: str) -> tuple[float, ...]:
        made = Image.open(io.BytesIO(make(Recipe(prompt=prompt + " mirror", seed=3, image=photo()))))
        return tuple(sum(i * n for i, n in enumerate(band.histogram())) for band in made.split())

    ocean, fire, noir = mean("ocean"), mean("fire"), mean("noir")
    assert ocean[2] > ocean[0]
    assert fire[0] > 1.5 * fire[2]
    assert max(noir) < 1.3 * min(noir)


def test_the_picture_comes_from_the_photo(photo: Any) -> None:
    plain = io.BytesIO()
    Image.new("RGB", (160, 120), (128, 128, 128)).save(plain, "PNG")
    first, second = (make(Recipe(prompt="sunset mirror", seed=1, image=data)) for data in (photo(), plain.getvalue()))
    assert _distance(first, second) > 20


def _distance(first: bytes, second: bytes) -> float:
    pixels = (Image.open(io.BytesIO(data)).convert("L").tobytes() for data in (first, second))
    pairs = list(zip(*pixels, strict=True))
    return float(sum(abs(a - b) for a, b in pairs) / len(pairs))


def test_the_strength_blends_from_the_photo_to_the_picture(photo: Any) -> None:
    data = photo((160, 120), "PNG")
    weak, strong = (make(Recipe(prompt="neon", seed=2, strength=s, image=data)) for s in (0.0, 1.0))
    assert _distance(weak, data) < _distance(strong, data)


def test_a_mask_keeps_black_areas(photo: Any) -> None:
    data, mask = photo((160, 120), "PNG"), io.BytesIO()
    Image.new("L", (160, 120), 0).save(mask, "PNG")
    made = make(Recipe(prompt="neon", seed=2, image=data, mask=mask.getvalue()))
    assert Image.open(io.BytesIO(made)).tobytes() == Image.open(io.BytesIO(data)).convert("RGB").tobytes()


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "RGBA", "I;16", "1", "LA"])
def test_a_picture_of_any_mode_is_used(mode: str) -> None:
    source = Image.linear_gradient("L")
    out = io.BytesIO()
    source.convert("I").convert("I;16").save(out, "PNG") if mode == "I;16" else source.convert("RGB").convert(
        mode
    ).save(out, "TIFF")
    assert Image.open(io.BytesIO(make(Recipe(prompt="rose", seed=1, image=out.getvalue())))).size == (
        256,
        256,
    )


def test_a_truncated_photo_cannot_be_used(photo: Any) -> None:
    data = photo()
    for cut in itertools.islice(range(0, len(data) - 40, 97), 20):
        with pytest.raises(InvalidImageError):
            make(Recipe(prompt="x", seed=1, image=data[:cut]))


def test_a_picture_too_large_cannot_be_made() -> None:
    with pytest.raises(InvalidImageError, match="E1001"):
        make(Recipe(prompt="x", seed=1, size=(4096, 4096)))
    with pytest.raises(InvalidImageError, match="positive"):
        make(Recipe(prompt="x", seed=1, size=(0, 8)))


@pytest.mark.parametrize("prompt", ["", "漢字だけ", "a\nb\x00c", "\ud800", "word " * 300, "🐈" * 50])
def test_any_prompt_can_be_written_on_the_picture(prompt: str) -> None:
    assert make(Recipe(prompt=prompt, seed=1, size=(256, 128))).startswith(b"\x89PNG")


def test_the_prepared_picture_is_one_picture() -> None:
    assert ready() == ready()
