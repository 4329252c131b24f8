"""Pictures that every viewer opens are accepted with the right colours; half a file is not."""

import io
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, ImageCms

from actors.imaging.colours import srgb
from actors.imaging.decoded_image import check, decode
from domain.submission.image_header import UnsupportedFormat
from tests.builders import odd_pictures as odd
from tests.builders.odd_pictures import TONE, chunk, png, segment, toned_png
from tests.builders.pictures import ORIENTATION, opened, photo, saved, shot

WHITE = (255, 255, 255)
LIGHT_128 = (188, 188, 188)
"""sRGB's tone for 128/255 of full light."""

WORKFLOW = zlib.compress(b'{"class_type": "KSampler"}' * 80_000)
MANY_NULLS = bytes(7)

PNGS = {
    "compressed international text": toned_png(chunk(b"iTXt", b"workflow\0\1\0\0\0" + WORKFLOW)),
    "compressed text": toned_png(chunk(b"zTXt", b"parameters\0\0" + WORKFLOW)),
    "text behind the pixels": toned_png(after=chunk(b"zTXt", b"parameters\0\0" + WORKFLOW)),
    "a profile of 2 MB": toned_png(odd.embedded(odd.linear_grey_profile() + bytes(2_000_000))),
    "a spoilt profile": toned_png(odd.embedded(odd.linear_grey_profile(), spoilt=True)),
    "a spoilt gamma": toned_png(chunk(b"gAMA", b"\0\1\x86\xa0", spoilt=True)),
    "a spoilt transparency": toned_png(chunk(b"tRNS", b"\0\xc8\0\x50\0\x28", spoilt=True)),
    "a spoilt text": toned_png(chunk(b"tEXt", b"Comment\0x", spoilt=True)),
    "a length that is too short": toned_png(b"\0\0\0\2pHYs\0\0\x0b\x13\0\0\x0b\x13\1abcd"),
    "a length that is too long": toned_png(b"\0\0\2\0tEXtComment\0xabcd"),
    "a length of 2 GB": toned_png(b"\x80\0\0\0tEXtComment\0xabcd"),
    "an unknown chunk": toned_png(chunk(b"caBX", bytes(5_000))),
    "text between the pixels": toned_png()[:33]
    + chunk(b"IDAT", odd.packed_rows()[:20])
    + chunk(b"tEXt", b"a\0b")
    + chunk(b"IDAT", odd.packed_rows()[20:])
    + chunk(b"IEND", b""),
    "empty pixel chunks": toned_png(chunk(b"IDAT", b"") * 3),
    "a spoilt pixel chunk": toned_png()[:33] + chunk(b"IDAT", odd.packed_rows(), spoilt=True),
    "pixels with a wrong checksum": png(8, 2, b"", packed=odd.packed_rows()[:-4] + MANY_NULLS[:4]),
    "pixels without a checksum": png(8, 2, b"", packed=odd.packed_rows()[:-4]),
    "bytes behind the pixels": png(8, 2, b"", packed=odd.packed_rows() + b"junk"),
    "no end": toned_png()[:-12],
    "a cut end": toned_png()[:-5],
    "no checksum of the last chunk": toned_png()[:-16],
    "a palette that is cut": png(8, 3, b"\1", chunk(b"PLTE", bytes(3) + bytes(TONE) + b"\1")),
}

ANCILLARY = [
    *(b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"eXIf", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"bKGD", b"hIST"),
    *(b"sPLT", b"tIME", b"sBIT", b"pHYs", b"iTXt", b"zTXt", b"tEXt", b"oFFs", b"mDCV", b"cLLI", b"vpAg", b"\xe9abc"),
]
CONTENTS = [b"", b"\0", MANY_NULLS, b"\xff" * 40, b"x\0\0" + b"\xff" * 30]

ADOBE_AND_OTHERS = (
    *(segment(0xE0, b"JFIF\0"), segment(0xE1, b"Exif"), segment(0xE1, b"Exif\0\0"), segment(0xEE, b"Adobe")),
    *(segment(0xE2, b"MPF\0"), segment(0xE2, b"MPF\0II*\0\x08\0\0\0" + b"\xff" * 30), segment(0xE2, b"FPXR\0")),
    *(segment(0xE2, b"ICC_PROFILE\0"), segment(0xE2, b"ICC_PROFILE\0\1"), segment(0xE2, b"ICC_PROFILE\0\1\2more")),
    *(segment(0xED, b"Photoshop 3.0\x008BIM"), segment(0xFE, b"")),
)
JPEGS = {
    "a stray null": odd.jpeg_with(b"\0"),
    "stray nulls": odd.jpeg_with(MANY_NULLS),
    "escaped FF": odd.jpeg_with(b"\xff\0\xff\0"),
    "fill bytes": odd.jpeg_with(b"\xff" * 3),
    "60,000 stray bytes": odd.jpeg_with(b"\x11" * 60_000),
    "stray bytes before the frame": odd.before_marker(b"\xc0", b"\0\xff\0"),
    "stray bytes before the tables": odd.before_marker(b"\xc4", b"\0\0"),
    "stray bytes before the scan": odd.before_marker(b"\xda", b"\0\xff\0\xff\xff"),
    "stray bytes between scans": odd.before_marker(b"\xda", b"\0\0\0", progressive=True),
    "segments between scans": odd.before_marker(b"\xda", segment(0xE1, b"Exif\0\0"), progressive=True),
    "markers without content": odd.jpeg_with(b"\xff\xd0\xff\x01\xff\xd8"),
    "cut application segments": odd.jpeg_with(b"".join(ADOBE_AND_OTHERS)),
    "lengths of 0 and 1": odd.jpeg_with(b"\xff\xe5\0\0\xff\xe6\0\1"),
    "a cut first segment": b"\xff\xd8" + segment(0xE0, b"JF") + odd.tone_jpeg()[2:],
    "no first segment": b"\xff\xd8" + odd.tone_jpeg()[20:],
    "900 segments": odd.jpeg_with(segment(0xEF, b"x") * 900),
    "no end": odd.tone_jpeg()[:-2],
    "half an end": odd.tone_jpeg()[:-1],
    "red, green and blue as such": odd.tone_jpeg(keep_rgb=True),
}

WEBPS = {
    "junk for EXIF": odd.webp_with(b"EXIF\4\0\0\0junk", flags=0x08),
    "junk for a profile": odd.webp_with(b"ICCP\4\0\0\0junk", flags=0x20),
    "flags of what is not there": odd.webp_with(b"", flags=0x2C),
    "cut metadata": odd.webp_with(b"XMP \x00\x40\0\0junk", flags=0x04),
    "no padding": odd.webp_with(b"EXIF\3\0\0\0abcXMP \2\0\0\0<>"),
    "an unknown chunk": odd.webp_with(b"abcd\2\0\0\0hi"),
    "a size that is too large": odd.webp_with(b"", size=1_000),
    "a size that is too small": odd.webp_with(b"", size=-6),
    "bytes behind": odd.webp_with(b"") + bytes(99),
    "lossy": odd.webp_with(b"EXIF\4\0\0\0junk", size=2, lossless=False),
}


def colour(data: bytes) -> tuple[int, ...]:
    """Return the middle of a picture as the model sees it; the picture must also pass as an output."""
    check(data)
    decoded = decode(data, alone=True)
    image = srgb(decoded.image, decoded.profile)
    found = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(found, tuple)
    return found


@pytest.mark.parametrize("data", [*PNGS.values(), *JPEGS.values()], ids=[*PNGS, *JPEGS])
def test_an_odd_picture_is_accepted_with_its_colour(data: bytes) -> None:
    assert colour(data) == pytest.approx(TONE, abs=3)


@pytest.mark.parametrize("data", WEBPS.values(), ids=WEBPS)
def test_an_odd_webp_is_accepted_with_its_colour(data: bytes) -> None:
    assert colour(data) == pytest.approx(TONE, abs=6)


@pytest.mark.parametrize("kind", ANCILLARY)
def test_no_content_of_an_ancillary_chunk_spoils_a_picture(kind: bytes) -> None:
    for content in CONTENTS:
        assert colour(toned_png(chunk(kind, content))) == pytest.approx(TONE, abs=2), content


@pytest.mark.parametrize(
    "make",
    [
        odd.noise_jpeg,
        lambda: odd.noise_jpeg(progressive=True),
        lambda: odd.noise_jpeg(restart_marker_blocks=4),
        lambda: odd.noise_jpeg(optimize=True, subsampling=0),
        lambda: odd.noise_jpeg("L"),
        lambda: odd.noise_jpeg("CMYK"),
        odd.tone_jpeg,
    ],
    ids=["baseline", "progressive", "restarts", "4:4:4", "grey", "cmyk", "one colour"],
)
def test_only_the_end_marker_of_a_jpeg_may_be_missing(make: Callable[[], bytes]) -> None:
    data = make()
    whole = decode(data).image.tobytes()
    for complete in (data[:-2], data[:-1], data[:-2] + bytes(500), data + bytes(500)):
        check(complete)
        assert decode(complete).image.tobytes() == whole
    for share in (0.6, 0.8, 0.9, 0.97):
        cut = data[: int(len(data) * share)]
        for work in (decode, check):
            with pytest.raises((OSError, UnsupportedFormat)):
                work(cut)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.99])
def test_half_a_png_is_refused(share: float) -> None:
    data = saved(Image.effect_noise((200, 200), 90), "PNG")
    with pytest.raises(OSError, match=r"truncated|incomplete|broken"):
        decode(data[: int(len(data) * share)])


def test_half_the_pixels_with_an_end_are_refused() -> None:
    with pytest.raises(OSError, match="truncated"):
        decode(png(8, 2, b"", packed=odd.packed_rows()[:10]))


KEYED = {
    "1 bit black": png(1, 0, b"\0", odd.key(0)),
    "1 bit white": png(1, 0, b"\xff", odd.key(1)),
    "2 bits": png(2, 0, b"\x55", odd.key(1)),
    "4 bits": png(4, 0, b"\x33", odd.key(3)),
    "8 bits": png(8, 0, b"\3", odd.key(3)),
    "8 bits, high bits of the key": png(8, 0, b"\3", odd.key(0xFF03)),
    "16 bits of grey": png(16, 0, b"\x12\x34", odd.key(0x1234)),
    "8 bits of colour": png(8, 2, b"\1\2\3", odd.key(1, 2, 3)),
    "16 bits of colour": png(16, 2, b"\x12\x34\x56\x78\x1a\xbc", odd.key(0x1234, 0x5678, 0x1ABC)),
    **{f"palette of {depth} bits": odd.palette(depth, b"\xff\0") for depth in (1, 2, 4, 8)},
}
NOT_KEYED = {
    "16 bits of grey": (png(16, 0, b"\x12\x34", odd.key(0x1235)), (18, 18, 18)),
    "16 bits of colour": (png(16, 2, b"\x12\x34\x56\x78\x1a\xbc", odd.key(0x1234, 0x5678, 0x1ABD)), (18, 86, 26)),
    "behind the pixels": (png(8, 0, b"\3", after=odd.key(3)), (3, 3, 3)),
    "of two bytes for colour": (png(8, 2, b"\1\2\3", odd.key(1)), (1, 2, 3)),
}


@pytest.mark.parametrize("data", KEYED.values(), ids=KEYED)
def test_the_transparent_colour_of_a_png_is_white(data: bytes) -> None:
    assert colour(data) == WHITE


@pytest.mark.parametrize(("data", "tone"), NOT_KEYED.values(), ids=NOT_KEYED)
def test_a_colour_beside_the_transparent_one_stays(data: bytes, tone: tuple[int, ...]) -> None:
    assert colour(data) == pytest.approx(tone, abs=1)


def test_what_is_clear_adds_no_colour_when_a_picture_is_shrunk() -> None:
    image = Image.new("RGBA", (4_096, 4_096), (0, 0, 0, 0))
    image.paste((255, 255, 255, 255), (0, 0, 4_096, 2_047))
    small = decode(saved(image, "PNG", compress_level=1), alone=True).image
    assert min(band[0] for band in small.getextrema() if isinstance(band, tuple)) == 255


LINEAR = odd.gamma(1.0)
SPACES = {
    "gamma 1": (png(8, 2, b"\x80\x80\x80", LINEAR), LIGHT_128),
    "gamma 1 of grey": (png(8, 0, b"\x80", LINEAR), LIGHT_128),
    "gamma 1 of 16 bits": (png(16, 2, b"\x80\x80" * 3, LINEAR), LIGHT_128),
    "gamma 1 of a palette": (odd.palette(8, b"", LINEAR), (229, 150, 110)),
    "gamma 1 half over white": (png(8, 6, b"\x80\x80\x80\x80", LINEAR), (221, 221, 221)),
    "gamma 1 of grey half over white": (png(8, 4, b"\x80\x80", LINEAR), (221, 221, 221)),
    "gamma 1/1.8": (png(8, 2, b"\x80\x80\x80", odd.gamma(0.55556)), (147, 147, 147)),
    "gamma of sRGB": (toned_png(odd.gamma(0.45455)), TONE),
    "gamma 0": (toned_png(odd.gamma(0)), TONE),
    "sRGB before gamma": (toned_png(LINEAR + chunk(b"sRGB", b"\0")), TONE),
    "a broken profile before gamma": (png(8, 2, b"\x80\x80\x80", odd.embedded(b"none") + LINEAR), LIGHT_128),
    "chromaticities of P3": (png(8, 2, bytes(odd.P3_GREEN), odd.chromaticities(odd.P3)), (0, 255, 0)),
    "chromaticities of sRGB": (toned_png(odd.chromaticities(odd.SRGB)), TONE),
    "chromaticities of zeros": (toned_png(odd.chromaticities([0] * 8)), TONE),
    "chromaticities on a line": (toned_png(odd.chromaticities([0.3, 0.3, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3])), TONE),
    "code points of P3": (png(8, 2, bytes(odd.P3_GREEN), odd.coded(12, 13)), (0, 255, 0)),
    "code points before the rest": (
        png(8, 2, bytes(odd.P3_GREEN), LINEAR + chunk(b"sRGB", b"\0") + odd.coded(12, 13)),
        (0, 255, 0),
    ),
    "code points of sRGB before the rest": (toned_png(LINEAR + odd.coded(1, 13)), TONE),
    "code points of linear BT.2020": (png(8, 2, b"\x80\x80\x80", odd.coded(9, 8)), LIGHT_128),
    "code points of BT.709": (toned_png(odd.coded(1, 1)), (197, 70, 28)),
    "code points of DCI": (toned_png(odd.coded(11, 17)), (213, 50, 0)),
    "white paper in PQ": (png(8, 2, bytes([148]) * 3, odd.coded(9, 16)), WHITE),
    "white paper in HLG": (png(8, 2, bytes([191]) * 3, odd.coded(9, 18)), WHITE),
    "narrow range": (png(8, 2, bytes([126]) * 3, odd.coded(1, 13, 0)), (128, 128, 128)),
    "unknown code points": (toned_png(odd.coded(2, 2)), TONE),
    "a grey profile": (png(8, 0, b"\x80", odd.embedded(odd.linear_grey_profile())), LIGHT_128),
    "a grey profile with alpha": (png(8, 4, b"\x80\x80", odd.embedded(odd.linear_grey_profile())), (221, 221, 221)),
    "a grey profile of 16 bits": (png(16, 0, b"\x80\x80", odd.embedded(odd.linear_grey_profile())), LIGHT_128),
    "a grey profile of 16 bits with alpha": (
        png(16, 4, b"\x80\x80\xff\xff", odd.embedded(odd.linear_grey_profile())),
        LIGHT_128,
    ),
    "a grey profile for colours": (toned_png(odd.embedded(odd.linear_grey_profile())), TONE),
    "a grey jpeg with a grey profile": (
        odd.tone_jpeg((128,), "L", icc_profile=odd.linear_grey_profile()),
        LIGHT_128,
    ),
}


@pytest.mark.parametrize(("data", "tone"), SPACES.values(), ids=SPACES)
def test_colours_are_converted_to_srgb_before_they_are_laid_over_white(data: bytes, tone: tuple[int, ...]) -> None:
    assert colour(data) == pytest.approx(tone, abs=4)


def rocket_profile() -> bytes:
    return bytes(opened(photo("rocket.jpg")).info["icc_profile"])


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_profile_of_a_transparent_picture_is_applied_to_its_colours(kind: str) -> None:
    profile = rocket_profile()
    image = Image.new("RGBA", (16, 16), (30, 200, 90, 128))
    own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    right = ImageCms.profileToProfile(image.convert("RGB"), own, ImageCms.createProfile("sRGB"))
    assert right is not None
    tone = right.getpixel((0, 0))
    assert isinstance(tone, tuple)
    expected = tuple(round(value * 128 / 255 + 127) for value in tone)
    data = saved(image, kind, icc_profile=profile, **({"lossless": True} if kind == "WEBP" else {}))
    assert colour(data) == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_the_orientation_survives_the_rebuilding(kind: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    decoded = decode(saved(shot(size=(64, 32)), kind, exif=exif))
    assert (decoded.image.size, decoded.orientation) == ((32, 64), 6)


def test_the_first_good_exif_of_a_jpeg_counts() -> None:
    blocks = (b"Exif\0\0junk", b"Exif\0\0" + odd.orientation(3), b"Exif\0\0" + odd.orientation(6))
    assert decode(odd.jpeg_with(b"".join(segment(0xE1, block) for block in blocks))).orientation == 3


def test_an_animation_shows_its_default_picture() -> None:
    frames = [Image.new("RGB", (24, 24), (200, 0, 0)), Image.new("RGB", (24, 24), (0, 0, 200))]
    first = Image.new("RGB", (24, 24), TONE)
    data = saved(first, "PNG", save_all=True, default_image=True, append_images=frames)
    assert colour(data) == TONE
    assert decode(data).frames == 3
