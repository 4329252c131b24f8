"""Which pictures are accepted by their header."""

import io
import time
import tracemalloc
import warnings
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from domain.submission.image_header import (
    MAX_BYTES,
    DimensionsExceeded,
    PictureRefused,
    UnsupportedFormat,
    judge,
)
from tests.builders import odd_pictures, pictures
from tests.builders.made_once import MadeOnce

GOOD = MadeOnce(
    {
        **{name: partial(pictures.photo, name) for name in pictures.PHOTOS},
        "progressive jpeg": lambda: pictures.jpeg(progressive=True),
        "cmyk jpeg": pictures.cmyk_jpeg,
        "jpeg with exif and comment": pictures.telltale_jpeg,
        "jpeg with a fill byte": lambda: b"\xff\xd8\xff" + pictures.jpeg()[2:],
        "jpeg with stray bytes": lambda: odd_pictures.jpeg_with(b"\0\xff\0\x11" * 9),
        "jpeg with 60,000 stray bytes": lambda: odd_pictures.jpeg_with(b"\x11" * 60_000),
        "lossy webp": pictures.webp,
        "lossless webp": lambda: pictures.webp(lossless=True),
        "webp with alpha": lambda: pictures.half_transparent("WEBP"),
        "animated webp": lambda: pictures.animated("WEBP"),
        "animated png": lambda: pictures.animated("PNG"),
        "16 bit png": lambda: pictures.grey_16_bit_png((0, 65_535)),
        "palette png": pictures.palette_png,
        "1x1": lambda: pictures.one_bit_png(1, 1),
        "bytes after the picture": lambda: pictures.with_tail(pictures.photo()),
    }
)

FOREIGN = MadeOnce(
    {
        "nothing": lambda: b"",
        "one byte": lambda: b"\x89",
        "a zip with a png inside": lambda: b"PK\x03\x04" + pictures.photo(),
        "a pdf with a jpeg inside": lambda: b"%PDF-1.7\n" + pictures.photo("rocket.jpg"),
        "html": lambda: b"<html><img src=x onerror=alert(1)>",
        "svg": pictures.svg,
        "heic": pictures.heic,
        "riff that is a wave": lambda: b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 20,
        **{
            kind.lower(): partial(pictures.foreign, kind)
            for kind in ("GIF", "TIFF", "BMP", "ICO", "PPM", "AVIF", "JPEG2000")
        },
        "png signature alone": lambda: pictures.png_header(8, 8)[:8],
        "png whose header is cut": lambda: pictures.png_header(8, 8)[:20],
        "png whose header is damaged": lambda: pictures.png_header(8, 8)[:-1] + b"\0",
        "png that starts with another chunk": lambda: pictures.photo()[:8] + pictures.photo()[33:],
        "png of no width": lambda: pictures.png_header(0, 8),
        "jpeg that ends at once": lambda: b"\xff\xd8\xff",
        "jpeg without a frame": lambda: b"\xff\xd8\xff\xe0\0\x04\0\0\xff\xda\0\x08" + b"\0" * 40,
        "jpeg that is all fill bytes": lambda: b"\xff\xd8" + b"\xff" * 1_000_000,
        "jpeg with 70,000 stray bytes": lambda: odd_pictures.jpeg_with(b"\x11" * 70_000),
        "jpeg with stray bytes in many places": lambda: odd_pictures.jpeg_with((b"\x11" * 999 + b"\xff\xe5\0\2") * 99),
        "jpeg of a million empty segments": lambda: b"\xff\xd8" + b"\xff\xe0\0\x02" * 1_000_000,
        "jpeg whose segment leads nowhere": lambda: b"\xff\xd8\xff\xe0\xff\xff\0",
        "jpeg with junk for a marker": lambda: b"\xff\xd8\xff\xe0\0\x02junk" + b"\0" * 40,
        "jpeg whose frame is cut": lambda: pictures.jpeg_header(8, 8)[:-4],
        "jpeg of no height": lambda: pictures.jpeg_header(8, 0),
        "webp with an unknown chunk": lambda: b"RIFF\x16\0\0\0WEBPXXXX\x0a\0\0\0" + b"\0" * 10,
        "webp whose header is cut": lambda: pictures.webp_header(8, 8)[:22],
        "lossy webp without its start code": lambda: pictures.webp()[:23] + b"\0\0\0" + pictures.webp()[26:],
    }
)

TOO_LARGE = MadeOnce(
    {
        "the 20 kB bomb": pictures.bomb_png,
        "1x60000": lambda: pictures.png_header(1, 60_000),
        "one column too many": lambda: pictures.png_header(8_193, 1),
        "one row too many, jpeg": lambda: pictures.jpeg_header(1, 8_193),
        "one row too many, webp": lambda: pictures.webp_header(1, 8_193),
        "over 50 megapixels, png": lambda: pictures.png_header(8_192, 6_104),
        "over 50 megapixels, jpeg": lambda: pictures.jpeg_header(7_072, 7_072),
        "over 50 megapixels, webp": lambda: pictures.webp_header(7_072, 7_072),
        "all that a png can say": lambda: pictures.png_header(2**31 - 1, 2**31 - 1),
        "all that a webp can say": lambda: pictures.webp_header(2**24, 2**24),
    }
)


@pytest.mark.parametrize("name", GOOD)
def test_a_supported_picture_is_read_as_pillow_reads_it(name: str) -> None:
    data = GOOD[name]
    with Image.open(io.BytesIO(data)) as picture:
        kind = str(picture.format).lower()
        assert tuple(judge(data)) == (kind, f"image/{kind}", *picture.size)


@pytest.mark.parametrize("name", FOREIGN)
def test_any_other_content_is_an_unsupported_format(name: str) -> None:
    data = FOREIGN[name]
    with pytest.raises(UnsupportedFormat) as refusal:
        judge(data)
    assert refusal.value.code == "unsupported_format"


@pytest.mark.parametrize("name", TOO_LARGE)
def test_too_many_pixels_are_refused(name: str) -> None:
    data = TOO_LARGE[name]
    with pytest.raises(DimensionsExceeded) as refusal:
        judge(data)
    assert refusal.value.code == "dimensions_exceeded"


@pytest.mark.parametrize("header", [pictures.png_header, pictures.jpeg_header, pictures.webp_header])
@pytest.mark.parametrize("size", [(8_192, 6_103), (7_071, 7_071), (8_192, 1), (1, 8_192), (6_103, 8_192)])
def test_the_largest_allowed_pictures_pass(header, size: tuple[int, int]) -> None:  # type: ignore[no-untyped-def]
    assert judge(header(*size))[2:] == size


def test_the_bomb_is_within_the_upload_limit() -> None:
    assert len(pictures.bomb_png()) < 22_000


def test_reading_a_header_keeps_the_file_position() -> None:
    file = io.BytesIO(pictures.photo())
    file.seek(1_234)
    assert judge(file).format == "png"
    assert file.tell() == 1_234


def test_a_refused_file_keeps_its_position() -> None:
    file = io.BytesIO(pictures.svg())
    file.seek(7)
    with pytest.raises(UnsupportedFormat):
        judge(file)
    assert file.tell() == 7


@pytest.mark.parametrize(
    "data",
    [
        pictures.text_bomb_png(),
        pictures.photo().ljust(MAX_BYTES, b"\0"),
        pictures.one_bit_png(8_192, 6_000),
        b"\xff\xd8" + b"\xff\xe0\0\x02" * (MAX_BYTES // 4),
        b"\xff\xd8" + (b"\0" * 31 + b"\xff\xe0\0\x02") * (MAX_BYTES // 35),
        b"\xff\xd8\xff" + b"\0" * (MAX_BYTES - 3),
    ],
    ids=["text bomb", "10 MiB", "49 megapixels", "10 MiB of empty segments", "stray bytes everywhere", "10 MiB stray"],
)
def test_reading_a_header_neither_unpacks_nor_copies(data: bytes) -> None:
    tracemalloc.start()
    try:
        started = time.process_time()
        with suppress(UnsupportedFormat):
            judge(data)
        spent, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024
    assert spent < 0.05  # it takes 3 to 600 microseconds; unpacking or copying would take longer


def test_reading_a_header_does_not_import_pillow() -> None:
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DimensionsExceeded):
            judge(pictures.bomb_png())
    assert before == Image.MAX_IMAGE_PIXELS


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"]),
)
def test_any_bytes_are_read_or_refused(noise: bytes, start: bytes) -> None:
    try:
        header = judge(start + noise)
    except PictureRefused:
        return
    assert 1 <= header.width <= 8_192
    assert 1 <= header.height <= 8_192


@given(st.sampled_from(sorted(GOOD)), st.integers(0, 400), st.integers(0, 255))
def test_a_header_with_a_flipped_byte_is_read_or_refused(name: str, at: int, value: int) -> None:
    data = bytearray(GOOD[name])
    data[at % len(data)] = value
    with suppress(PictureRefused):
        assert 1 <= judge(bytes(data)).width <= 8_192
