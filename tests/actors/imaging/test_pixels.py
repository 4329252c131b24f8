"""The arithmetic behind a composed picture: light, colour profiles, crops and the number of encodings."""

import io
from itertools import product

import pytest
from PIL import Image, ImageCms

from actors.imaging import compositor
from actors.imaging.colours import _transform, srgb
from actors.imaging.compositor import blend, compose, fitted
from actors.imaging.decoded_image import check, decode
from tests.builders import pictures

TONES = (0, 1, 2, 7, 30, 64, 127, 128, 200, 254, 255)


def of_srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def of_the_rocket() -> bytes:
    profile = pictures.opened(pictures.photo("rocket.jpg")).info["icc_profile"]
    assert isinstance(profile, bytes)
    return profile


def exact_mix(tones: tuple[int, ...]) -> float:
    """Return the mean of tones in linear light, by IEC 61966-2-1 in floating point."""
    linear = [t / 255 / 12.92 if t / 255 <= 0.04045 else ((t / 255 + 0.055) / 1.055) ** 2.4 for t in tones]
    light = sum(linear) / len(linear)
    return 255 * (light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_blend_differs_from_exact_arithmetic_by_less_than_one_tone(count: int) -> None:
    mixes = list(product(TONES, repeat=count)) if count < 5 else list(product(TONES[::3], repeat=count))
    layers = []
    for number in range(count):
        grey = Image.frombytes("L", (len(mixes), 1), bytes(mix[number] for mix in mixes))
        layers.append(Image.merge("RGB", [grey] * 3))
    found = blend(layers).getchannel("G").tobytes()
    assert max(abs(tone - exact_mix(mix)) for tone, mix in zip(found, mixes, strict=True)) < 1


def test_the_conversion_of_a_profile_is_made_once_for_all_pictures() -> None:
    _transform.cache_clear()
    first, second = (decode(pictures.photo("rocket.jpg")) for _ in range(2))
    assert srgb(first.image, first.profile).tobytes() == srgb(second.image, second.profile).tobytes()
    assert (_transform.cache_info().misses, _transform.cache_info().hits) == (1, 1)


def test_conversions_of_many_profiles_do_not_fill_the_memory() -> None:
    image = Image.new("RGB", (8, 8), "red")
    for number in range(20):
        srgb(image, of_the_rocket() + bytes(number))
    assert _transform.cache_info().currsize <= 8


def test_a_conversion_that_cannot_be_made_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    image = decode(pictures.photo("rocket.jpg"))
    right = srgb(image.image, image.profile)
    _transform.cache_clear()

    def without_memory(*_: object, **__: object) -> None:
        raise ImageCms.PyCMSError("cannot build transform")

    with monkeypatch.context() as patch:
        patch.setattr(ImageCms, "buildTransform", without_memory)
        assert srgb(image.image, image.profile).tobytes() == image.image.tobytes()
    assert srgb(image.image, image.profile).tobytes() == right.tobytes()


def test_a_picture_with_the_profile_of_srgb_keeps_its_pixels() -> None:
    raw = pictures.shot()
    assert srgb(raw, of_srgb()).tobytes() == raw.tobytes()
    assert srgb(raw, of_the_rocket()).tobytes() != raw.tobytes()


def test_a_picture_of_the_right_scale_is_cropped_and_not_resampled(monkeypatch: pytest.MonkeyPatch) -> None:
    composed: list[Image.Image] = []

    def kept(image: Image.Image) -> tuple[bytes, tuple[int, int]]:
        composed.append(image)
        return b"", image.size

    monkeypatch.setattr(compositor, "fitted", kept)
    photo = pictures.shot("rocket.jpg")
    photo.info = {}
    compose("blend", [pictures.saved(photo, "PNG")], lambda _: None)
    assert composed[0].tobytes() == photo.crop((0, 1, 640, 425)).tobytes()


def test_qualities_that_cannot_fit_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[tuple[int, int], int]] = []
    encode = compositor._jpeg

    def counted(image: Image.Image, quality: int) -> bytes:
        tried.append((image.size, quality))
        return encode(image, quality)

    monkeypatch.setattr(compositor, "_jpeg", counted)
    data, _ = fitted(pictures.shot("hubble_deep_field.jpg").resize((1_024, 888)))
    assert 140_000 < len(data) <= compositor.MAX_INPUT_BYTES
    assert len(tried) <= 2
    noise = Image.effect_noise((1_024, 768), 255)
    fitted(Image.merge("RGB", [noise, noise.rotate(180), noise]))
    assert [size for size, _ in tried].count((1_024, 768)) == 1


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_checked_jpeg_is_read_to_its_end(keep: float, progressive: bool) -> None:
    data = pictures.jpeg("rocket.jpg", progressive=progressive)
    check(data)
    with pytest.raises(OSError, match="truncated"):
        check(pictures.truncated(data, keep))


def test_a_lone_example_is_decoded_no_larger_than_its_canvas_needs() -> None:
    photo = io.BytesIO()
    pictures.shot().resize((4_624, 3_468)).save(photo, "JPEG", quality=50)
    assert decode(photo.getvalue(), alone=True).image.size == (1_156, 867)
    assert decode(photo.getvalue()).image.size == (2_312, 1_734)
