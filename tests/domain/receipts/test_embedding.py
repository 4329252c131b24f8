"""A receipt is embedded in a picture of any kind, its pixels stay, and cutting it out leaves every byte as it was."""

import io
import random
import zlib
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from domain.receipts.containers import MOST_HEAD, EmbeddingError, Insertion, embedded, extract, insertion
from domain.receipts.manifests import without_manifest
from domain.receipts.packet import NAMESPACE, Packet
from domain.receipts.receipt import AI_MADE
from tests.builders.pictures import animated, half_transparent, jpeg, opened, photo, saved, shot, with_tail

RECEIPT: Final = '{"type":"exemplar-receipt/v1","note":"a < b & c > d","signature":"\\u2014 x"}'
PROFILE: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SMALL: Final = (48, 32)
RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def exif() -> bytes:
    made = Image.Exif()
    made[0x010F], made[0x0112] = "A maker", 6
    return made.tobytes()


def with_metadata(kind: str, **more: object) -> bytes:
    return saved(shot(size=SMALL), kind, icc_profile=PROFILE, exif=exif(), **more)


PICTURES: Final[Mapping[str, bytes]] = {
    "JPEG": jpeg(size=SMALL),
    "JPEG, profile and EXIF": with_metadata("JPEG"),
    "JPEG, profile, EXIF and XMP": with_metadata("JPEG", xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"),
    "JPEG, progressive": jpeg(size=SMALL, progressive=True),
    "JPEG, something behind it": with_tail(jpeg(size=SMALL)),
    "JPEG, photograph": photo("rocket.jpg"),
    "PNG": saved(shot(size=SMALL), "PNG"),
    "PNG, profile and EXIF": with_metadata("PNG"),
    "PNG, palette": saved(shot(size=SMALL).quantize(16), "PNG"),
    "PNG, photograph": photo("coffee.png"),
    "WebP, lossy": saved(shot(size=SMALL), "WEBP"),
    "WebP, lossless": saved(shot(size=SMALL), "WEBP", lossless=True),
    "WebP, lossless and transparent": half_transparent("WEBP"),
    "WebP, lossy and transparent": saved(shot(size=SMALL).convert("RGBA"), "WEBP"),
    "WebP, profile and EXIF": with_metadata("WEBP"),
    "WebP, profile, EXIF and XMP": with_metadata("WEBP", xmp=b"<x/>"),
    "WebP, animated": animated("WEBP"),
}


def every(function: object) -> object:
    return pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)(function)


def frames(data: bytes) -> list[bytes]:
    image = Image.open(io.BytesIO(data))
    found = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        found.append(image.convert("RGBA").tobytes())
    return found


@every
@pytest.mark.parametrize("marked", [True, False])
def test_what_is_embedded_is_cut_out_again_without_a_trace(picture: bytes, marked: bool) -> None:
    variant = embedded(picture, RECEIPT, marked=marked)
    found = extract(variant)
    assert found is not None
    assert (found.packet.receipt, found.packet.marked) == (RECEIPT, marked)
    assert found.original == picture
    assert extract(picture) is None


@every
def test_pixels_profile_and_exif_stay(picture: bytes) -> None:
    variant = embedded(picture, RECEIPT, marked=True)
    assert frames(variant) == frames(picture)
    before, after = opened(picture), opened(variant)
    assert after.info.get("icc_profile") == before.info.get("icc_profile")
    assert dict(after.getexif()) == dict(before.getexif())
    assert (after.size, after.mode, after.format) == (before.size, before.mode, before.format)


def properties(picture: bytes) -> dict[str, str]:
    """Read the first XMP packet of a picture as Pillow finds it, with a parser of XML."""
    xmp = opened(picture).info["xmp"]
    [description] = ElementTree.fromstring(xmp.strip(b"\0")).iter(f"{RDF}Description")  # noqa: S314 - the product wrote it
    return {one.tag.rpartition("}")[2]: one.text or "" for one in description}


@pytest.mark.parametrize("name", [name for name in PICTURES if not name.endswith("XMP")])
def test_other_programs_read_the_mark_and_the_receipt_as_xmp(name: str) -> None:
    read = properties(embedded(PICTURES[name], RECEIPT, marked=True))
    assert (read["DigitalSourceType"], read["receipt"]) == (AI_MADE, RECEIPT)
    assert "DigitalSourceType" not in properties(embedded(PICTURES[name], RECEIPT, marked=False))


@pytest.mark.parametrize("name", [name for name in PICTURES if name.endswith("XMP")])
def test_the_packet_comes_before_another_that_the_picture_has(name: str) -> None:
    variant = embedded(PICTURES[name], RECEIPT, marked=True)
    other = PICTURES[name][PICTURES[name].index(b"<x") :][:20]
    assert variant.index(AI_MADE.encode()) < variant.rindex(other)


@every
def test_a_receipt_is_embedded_from_the_beginning_of_a_file_alone(picture: bytes) -> None:
    long = picture + random.Random(1).randbytes(MOST_HEAD)
    start, skipped = insertion(long[:MOST_HEAD], RECEIPT, marked=True)
    assert start + long[skipped:] == embedded(long, RECEIPT, marked=True)
    assert insertion(long[:MOST_HEAD], RECEIPT, marked=True) == Insertion(start, skipped)


@every
def test_the_innermost_receipt_stays_in_a_picture_that_had_one(picture: bytes) -> None:
    once = embedded(picture, RECEIPT, marked=True)
    twice = embedded(once, '{"another": 1}', marked=False)
    found = extract(twice)
    assert found is not None
    assert found.original == once
    assert frames(twice) == frames(picture)


@pytest.mark.parametrize("name", ["JPEG, profile and EXIF", "PNG, profile and EXIF", "WebP, lossless"])
def test_one_flipped_bit_anywhere_in_front_of_the_pixels_is_found(name: str) -> None:
    picture = PICTURES[name]
    variant = embedded(picture, RECEIPT, marked=True)
    length = len(variant) - len(picture) + 400
    for position in range(length):
        for bit in range(8):
            flipped = variant[:position] + bytes((variant[position] ^ 1 << bit,)) + variant[position + 1 :]
            found = extract(flipped)
            assert found is None or (found.original, found.packet.receipt) != (picture, RECEIPT), (position, bit)


@settings(max_examples=150, deadline=None)
@given(
    start=st.sampled_from([picture[:cut] for picture in PICTURES.values() for cut in (12, 30, 60, 400)]),
    rest=st.binary(max_size=600),
    receipt=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=300),
    marked=st.booleans(),
)
def test_any_file_comes_back_bit_by_bit(start: bytes, rest: bytes, receipt: str, marked: bool) -> None:
    picture = start + rest
    try:
        variant = embedded(picture, receipt, marked=marked)
    except EmbeddingError:
        return
    found = extract(variant)
    assert found is not None
    assert (found.original, found.packet.receipt, found.packet.marked) == (picture, receipt, marked)


@settings(max_examples=75, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP"]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 2**32),
    profile=st.booleans(),
    with_exif=st.booleans(),
    transparent=st.booleans(),
)
def test_any_picture_comes_back_bit_by_bit(
    kind: str, size: tuple[int, int], seed: int, profile: bool, with_exif: bool, transparent: bool
) -> None:
    mode = "RGBA" if transparent and kind != "JPEG" else "RGB"
    image = Image.frombytes(mode, size, random.Random(seed).randbytes(size[0] * size[1] * len(mode)))
    more = ({"icc_profile": PROFILE} if profile else {}) | ({"exif": exif()} if with_exif else {})
    picture = saved(image, kind, **more)
    variant = embedded(picture, RECEIPT, marked=True)
    found = extract(variant)
    assert found is not None
    assert found.original == picture
    assert frames(variant) == frames(picture)


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"RIFF\0\0\0\0WEBPVP8 ", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\xff\xff"],
)
def test_what_is_no_whole_picture_gets_no_receipt(data: bytes) -> None:
    with pytest.raises(EmbeddingError):
        embedded(data, RECEIPT, marked=True)
    assert extract(data) is None
    assert without_manifest(data) == data


def test_a_receipt_that_no_jpeg_segment_can_hold_is_refused() -> None:
    with pytest.raises(EmbeddingError, match="too long"):
        embedded(jpeg(size=SMALL), "x" * 70_000, marked=True)


def test_only_what_was_written_is_a_packet() -> None:
    packet = Packet(RECEIPT, True, b"head")
    encoded = packet.encode()
    assert Packet.decode(encoded) == packet
    assert NAMESPACE.encode() in encoded
    for other in (
        b"",
        encoded + b" ",
        encoded.replace(b"&lt;", b"<"),
        encoded.replace(b"aGVhZA==", b"aGVhZB=="),
        b"\xff",
    ):
        assert Packet.decode(other) is None


def test_the_chunk_in_a_png_has_its_checksum() -> None:
    variant = embedded(PICTURES["PNG"], RECEIPT, marked=True)
    size = int.from_bytes(variant[33:37], "big")
    assert zlib.crc32(variant[37 : 41 + size]) == int.from_bytes(variant[41 + size : 45 + size], "big")


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("WebP, lossy", 0x04),
        ("WebP, lossless", 0x04),
        ("WebP, lossless and transparent", 0x14),
        ("WebP, animated", 0x06),
    ],
)
def test_the_header_of_a_webp_names_what_follows(name: str, flags: int) -> None:
    variant = embedded(PICTURES[name], RECEIPT, marked=True)
    assert (variant[12:16], variant[20]) == (b"VP8X", flags)
    width, height = (1 + int.from_bytes(variant[at : at + 3], "little") for at in (24, 27))
    assert (width, height) == opened(variant).size
    assert int.from_bytes(variant[4:8], "little") == len(variant) - 8
