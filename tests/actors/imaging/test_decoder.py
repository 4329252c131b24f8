"""Decoding in a real worker process: formats, colours, sizes and errors."""

import base64
import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageCms

from actors.imaging.compositor import MAX_INPUT_BYTES, blend
from actors.imaging.decoder import Composed, DecodedPicture, Decoder, InvalidPicture
from domain.submission.composition import Composition
from tests.builders import pictures
from tests.builders.made_once import MadeOnce

pytestmark = pytest.mark.asyncio(loop_scope="module")

Look = Callable[[Composed], Image.Image]
Compare = Callable[[Image.Image, Image.Image], float]

# What is made from the coffee photograph must look like it: mean difference of a tone, 0 to 255.
COFFEES = {
    "png": (2, "RGB", 1),
    "jpeg": (2, "RGB", 1),
    "progressive jpeg": (2, "RGB", 1),
    "cmyk jpeg": (4, "CMYK", 1),
    "16 bit colour png": (2, "RGB", 1),
    "palette png": (8, "P", 1),
    "lossy webp": (3, "RGB", 1),
    "lossless webp": (2, "RGB", 1),
    "jpeg with gps, comment and xmp": (2, "RGB", 1),
    "jpeg with broken exif": (3, "RGB", 1),
    "jpeg with a broken profile": (2, "RGB", 1),
    "cmyk jpeg with a broken profile": (4, "CMYK", 1),
    "rgb jpeg with a profile for ink": (2, "RGB", 1),
    "two jpegs in one": (2, "RGB", 1),
    "png and zip": (2, "RGB", 1),
    "jpeg and html": (2, "RGB", 1),
}
COFFEE = MadeOnce(
    {
        "png": pictures.photo,
        "jpeg": pictures.jpeg,
        "progressive jpeg": lambda: pictures.jpeg(progressive=True),
        "cmyk jpeg": pictures.cmyk_jpeg,
        "16 bit colour png": pictures.colour_16_bit_png,
        "palette png": pictures.palette_png,
        "lossy webp": lambda: pictures.webp(quality=80),
        "lossless webp": lambda: pictures.webp(lossless=True),
        "jpeg with gps, comment and xmp": pictures.telltale_jpeg,
        "jpeg with broken exif": pictures.broken_exif_jpeg,
        "jpeg with a broken profile": lambda: pictures.jpeg(icc_profile=b"no profile" * 20),
        "cmyk jpeg with a broken profile": lambda: pictures.cmyk_jpeg(profile=b"no profile" * 20),
        "rgb jpeg with a profile for ink": lambda: pictures.jpeg(icc_profile=pictures.odd_ink_profile()),
        "two jpegs in one": pictures.two_in_one_jpeg,
        "png and zip": lambda: pictures.with_tail(pictures.photo()),
        "jpeg and html": lambda: pictures.with_tail(pictures.jpeg(), b"<script>alert(1)</script>"),
    }
)

CORRUPT = MadeOnce(
    {
        "half a png": lambda: pictures.truncated(pictures.photo()),
        "half a jpeg": lambda: pictures.truncated(pictures.photo("rocket.jpg")),
        "half a progressive jpeg": lambda: pictures.truncated(pictures.jpeg(progressive=True)),
        "half a webp": lambda: pictures.truncated(pictures.webp()),
        "half a lossless webp": lambda: pictures.truncated(pictures.webp(lossless=True)),
        "half an animated webp": lambda: pictures.truncated(pictures.animated("WEBP"), 0.3),
        "a png that is all header": lambda: pictures.png_header(64, 64),
        "a jpeg that is all header": lambda: pictures.jpeg_header(64, 64),
        "a webp that is all header": lambda: pictures.webp_header(64, 64),
        "a scribbled png": lambda: pictures.scribbled(pictures.photo()),
        "a scribbled webp": lambda: pictures.scribbled(pictures.webp(lossless=True)),
        "no picture": lambda: b"no picture",
        "nothing": lambda: b"",
        "a gif named .png": lambda: pictures.foreign("GIF"),
        "a tiff": lambda: pictures.foreign("TIFF"),
        "an svg": pictures.svg,
    }
)


@pytest.mark.parametrize("kind", COFFEES)
async def test_a_decoded_picture_has_the_colours_of_the_photograph(
    decoder: Decoder, seen: Look, difference: Compare, kind: str
) -> None:
    tolerance, mode, frames = COFFEES[kind]
    composed = await decoder.compose([COFFEE[kind]])
    image = seen(composed)
    assert (image.mode, image.size) == ("RGB", (600, 400))
    assert (composed.width, composed.height, composed.mode) == (600, 400, "single")
    assert (composed.examples[0].mode, composed.examples[0].frames) == (mode, frames)
    assert difference(image, pictures.shot()) < tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_the_exif_orientation_is_applied(
    decoder: Decoder, seen: Look, difference: Compare, orientation: int
) -> None:
    composed = await decoder.compose([pictures.rotated_jpeg(orientation)])
    as_stored = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.ROTATE_90, Image.Transpose.FLIP_TOP_BOTTOM],
        6: [Image.Transpose.ROTATE_270],
        7: [Image.Transpose.ROTATE_270, Image.Transpose.FLIP_TOP_BOTTOM],
        8: [Image.Transpose.ROTATE_90],
    }[orientation]
    expected = pictures.shot()
    for turn in as_stored:
        expected = expected.transpose(turn)
    assert (composed.examples[0].width, composed.examples[0].height) == expected.size
    assert composed.examples[0].orientation == orientation
    assert (composed.width, composed.height) == expected.size
    assert difference(seen(composed), expected) < 2


async def test_sixteen_bit_grey_is_scaled_and_not_clipped(decoder: Decoder, seen: Look) -> None:
    tones = (0, 257 * 64, 257 * 128, 257 * 192, 65_535)
    composed = await decoder.compose([pictures.grey_16_bit_png(tones)])
    stripes = [seen(composed).getpixel((8 + 16 * n, 8)) for n in range(5)]
    for stripe, tone in zip(stripes, (0, 64, 128, 192, 255), strict=True):
        assert stripe == pytest.approx((tone, tone, tone), abs=2)
    assert composed.examples[0].mode.startswith("I")


@pytest.mark.parametrize(
    "data",
    [
        pictures.half_transparent("PNG"),
        pictures.half_transparent("PNG", "LA"),
        pictures.half_transparent("WEBP"),
    ],
    ids=["rgba png", "grey and alpha png", "webp"],
)
async def test_transparent_pixels_become_white(decoder: Decoder, seen: Look, data: bytes) -> None:
    image = seen(await decoder.compose([data]))
    assert image.getpixel((8, 32)) == pytest.approx((255, 255, 255), abs=2)
    assert image.getpixel((56, 32)) == pytest.approx((0, 0, 0), abs=2)


async def test_a_transparent_palette_entry_becomes_white(decoder: Decoder, seen: Look) -> None:
    image = seen(await decoder.compose([pictures.transparent_palette_png()]))
    assert image.getpixel((16, 16)) == pytest.approx((255, 255, 255), abs=2)


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
async def test_the_first_frame_of_an_animation_is_used(decoder: Decoder, seen: Look, kind: str) -> None:
    composed = await decoder.compose([pictures.animated(kind)])
    assert composed.examples[0].frames == 5
    assert seen(composed).getpixel((24, 16)) == pytest.approx((0, 160, 0), abs=6)


async def test_cmyk_without_a_profile_is_converted_by_the_plain_formula(decoder: Decoder, seen: Look) -> None:
    image = seen(await decoder.compose([pictures.ink_jpeg((255, 0, 0, 0))]))
    assert image.getpixel((32, 32)) == pytest.approx((0, 255, 255), abs=4)


async def test_cmyk_with_a_profile_is_converted_by_the_profile(decoder: Decoder, seen: Look) -> None:
    image = seen(await decoder.compose([pictures.ink_jpeg((255, 0, 0, 0), pictures.odd_ink_profile())]))
    assert image.getpixel((32, 32)) == pytest.approx((0, 150, 36), abs=12)  # Lab 55, -60, 50


async def test_a_photograph_in_another_colour_space_is_converted_to_srgb(
    decoder: Decoder, seen: Look, difference: Compare
) -> None:
    raw = pictures.opened(pictures.photo("rocket.jpg"))
    own = ImageCms.ImageCmsProfile(io.BytesIO(raw.info["icc_profile"]))
    right = ImageCms.profileToProfile(raw, own, ImageCms.createProfile("sRGB"))
    assert right is not None
    assert difference(raw, right) > 3
    assert difference(seen(await decoder.compose([pictures.photo("rocket.jpg")])), right) < 2


@pytest.mark.parametrize("size", [(1, 1), (1, 8_192), (8_192, 1), (3, 500)])
async def test_the_thinnest_picture_gives_a_valid_input(decoder: Decoder, size: tuple[int, int]) -> None:
    composed = await decoder.compose([pictures.one_bit_png(*size)])
    assert min(composed.width, composed.height) == 8
    assert max(composed.width, composed.height) <= 1_024


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (pictures.one_bit_png, (7_000, 7_000)),
        (pictures.one_bit_png, (8_192, 6_100)),
        (pictures.grey_alpha_png, (8_192, 6_100)),
        (pictures.plain_webp, (6_500, 4_900)),
    ],
)
async def test_the_largest_pictures_fit_the_limits(
    decoder: Decoder, make: Callable[[int, int], bytes], size: tuple[int, int]
) -> None:
    composed = await decoder.compose([make(*size)])
    assert max(composed.width, composed.height) == 1_024
    assert (composed.examples[0].width, composed.examples[0].height) == size


async def test_a_webp_of_fifty_megapixels_exceeds_the_memory_limit(decoder: Decoder) -> None:
    with pytest.raises(InvalidPicture) as fault:
        await decoder.compose([pictures.plain_webp(8_192, 6_100)])
    assert fault.value.code == "too_large"


@pytest.mark.parametrize("kind", CORRUPT)
async def test_a_corrupt_picture_is_reported_with_its_index(decoder: Decoder, kind: str) -> None:
    data = CORRUPT[kind]
    with pytest.raises(InvalidPicture) as fault:
        await decoder.compose([pictures.photo(), data, pictures.photo("rocket.jpg")])
    assert (fault.value.index, fault.value.code) == (1, "corrupt")
    assert fault.value.reason == "The picture is truncated or corrupt."


@pytest.mark.parametrize("kind", CORRUPT)
async def test_a_corrupt_output_is_refused(decoder: Decoder, kind: str) -> None:
    data = CORRUPT[kind]
    with pytest.raises(InvalidPicture, match="corrupt"):
        await decoder.check(data)


async def test_a_corrupt_example_is_refused_even_when_only_the_first_is_used(decoder: Decoder) -> None:
    with pytest.raises(InvalidPicture) as fault:
        await decoder.compose([pictures.photo(), pictures.truncated(pictures.photo())], "first")
    assert fault.value.index == 1


async def test_a_decompression_bomb_is_too_large_for_the_decoder(decoder: Decoder) -> None:
    with pytest.raises(InvalidPicture) as fault:
        await decoder.compose([pictures.bomb_png()])
    assert fault.value.code == "too_large"


async def test_a_text_chunk_bomb_is_not_unpacked(decoder: Decoder) -> None:
    assert (await decoder.compose([pictures.text_bomb_png()])).width == 8


async def test_metadata_of_a_picture_are_removed(decoder: Decoder, seen: Look) -> None:
    composed = await decoder.compose([pictures.telltale_jpeg()])
    image = seen(composed)
    assert b"TELLTALE" not in composed.data
    assert not dict(image.getexif())
    assert not {"exif", "comment", "xmp", "icc_profile"} & image.info.keys()


@pytest.mark.parametrize("mode", ["blend", "grid", "first"])
@pytest.mark.parametrize("count", [2, 3, 4, 5])
async def test_several_photographs_are_composed_into_one(
    decoder: Decoder, seen: Look, mode: Composition, count: int
) -> None:
    composed = await decoder.compose([pictures.photo(name) for name in pictures.PHOTOS[:count]], mode)
    assert (composed.mode, len(composed.examples)) == (mode, count)
    assert seen(composed).size == (composed.width, composed.height) == (600, 400)


async def test_a_grid_shows_each_photograph_in_its_cell(decoder: Decoder, seen: Look, difference: Compare) -> None:
    image = seen(await decoder.compose([pictures.photo("coffee.png"), pictures.photo("chelsea.png")], "grid"))
    left, right = image.crop((0, 0, 300, 400)), image.crop((300, 0, 600, 400))
    assert difference(left, pictures.shot("coffee.png").crop((150, 0, 450, 400))) < 3
    assert difference(right, pictures.shot("chelsea.png").crop((113, 0, 338, 300))) < 3


async def test_a_blend_of_black_and_white_has_half_the_linear_light(decoder: Decoder, seen: Look) -> None:
    black, white = (pictures.saved(Image.new("RGB", (32, 32), tone), "PNG") for tone in ("black", "white"))
    assert seen(await decoder.compose([black, white])).getpixel((16, 16)) == (188, 188, 188)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
async def test_a_blend_of_equal_pictures_is_that_picture(count: int) -> None:
    ramp = Image.merge("RGB", [Image.linear_gradient("L")] * 3)
    assert blend([ramp] * count).tobytes() == ramp.tobytes()


@pytest.mark.parametrize("name", pictures.PHOTOS)
async def test_the_data_uri_stays_under_256_kb(decoder: Decoder, name: str) -> None:
    composed = await decoder.compose([pictures.jpeg(name, (1_411, 1_411))])
    assert (composed.width, composed.height) == (1_024, 1_024)
    assert len(b"data:image/jpeg;base64," + base64.b64encode(composed.data)) <= 256_000


async def test_noise_is_compressed_below_the_limit(decoder: Decoder, seen: Look) -> None:
    noise = Image.effect_noise((1_024, 768), 255)
    loud = pictures.saved(Image.merge("RGB", [noise, noise.rotate(180), noise]), "PNG")
    composed = await decoder.compose([loud])
    assert len(composed.data) <= MAX_INPUT_BYTES
    assert seen(composed).size == (composed.width, composed.height)
    assert composed.width % 8 == composed.height % 8 == 0


@pytest.mark.parametrize("name", pictures.PHOTOS)
async def test_a_valid_output_is_accepted(decoder: Decoder, name: str) -> None:
    size, kind = pictures.opened(pictures.photo(name)).size, name[-3:].replace("jpg", "jpeg")
    assert await decoder.check(pictures.photo(name)) == DecodedPicture(kind, f"image/{kind}", *size)  # type: ignore[arg-type]
