"""Pictures with their receipt in them: the pixels, ranges, versions and access of the variant."""

import io
import random
from hashlib import sha256
from typing import Final
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageCms

from domain.receipts.containers import extract
from domain.receipts.receipt import AI_MADE
from gateway.http.byte_budget import ByteBudget
from tests.builders.made_once import MadeOnce
from tests.builders.pictures import saved, shot, with_tail
from tests.gateway.receipts.conftest import Receipts, passes, second_gateway
from tests.systems.gateway_harness import ONE

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROFILE: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif() -> Image.Exif:
    made = Image.Exif()
    made[0x010F] = "A maker"
    return made


def picture(kind: str, size: tuple[int, int] = (300, 200), **more: object) -> bytes:
    return saved(shot(size=size), kind, icc_profile=PROFILE, exif=exif(), **more)


PICTURES: Final = MadeOnce(
    {
        "JPEG": lambda: picture("JPEG"),
        "PNG": lambda: picture("PNG"),
        "WebP": lambda: picture("WEBP"),
        "WebP without metadata": lambda: saved(shot(size=(300, 200)), "WEBP", lossless=True),
        "PNG of several pieces": lambda: picture("PNG", (900, 600)),
        "JPEG of more than are read at once": lambda: with_tail(picture("JPEG"), random.Random(1).randbytes(3_000_000)),
    }
)


def path_of(name: str, variant: str = "embedded") -> str:
    return f"{ONE}/{name}/images/0?receipt={variant}"


@pytest.mark.parametrize("kind", PICTURES)
async def test_the_variant_has_the_same_pixels_and_a_receipt_that_passes(receipts: Receipts, kind: str) -> None:
    data = PICTURES[kind]
    name = await receipts.signed(data)
    answer = await receipts.fetch(path_of(name))
    variant = await answer.read()
    assert answer.status == 200
    found = extract(variant)
    assert found is not None
    assert found.original == data
    assert found.packet.receipt == await receipts.receipt(name, "?personal_data=false")
    passes(variant)
    before, after = (Image.open(io.BytesIO(one)) for one in (data, variant))
    assert after.tobytes() == before.tobytes()
    assert (after.info.get("icc_profile"), dict(after.getexif())) == (
        before.info.get("icc_profile"),
        dict(before.getexif()),
    )


async def test_the_variant_is_marked_as_made_by_ai(receipts: Receipts) -> None:
    name = await receipts.signed(PICTURES["PNG"])
    variant = await (await receipts.fetch(path_of(name))).read()
    xmp = ElementTree.fromstring(Image.open(io.BytesIO(variant)).info["xmp"])  # noqa: S314 - the product wrote it
    [mark] = xmp.iter("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert mark.text == AI_MADE


async def test_no_words_of_the_owner_travel_with_the_picture(receipts: Receipts) -> None:
    name = await receipts.signed()
    variant = await (await receipts.fetch(path_of(name))).read()
    person, project = receipts.person, receipts.person.owned_project
    for text in (person.mark, person.id, project.id, project.owner.id, "personal_data.salt"):
        assert text.encode() not in variant


async def test_a_setting_leaves_the_mark_out(receipts: Receipts) -> None:
    name = await receipts.signed()
    marked = await receipts.fetch(path_of(name))
    settings = receipts.gateway.dependencies.get("receipt_settings").model_copy(update={"mark_pictures": False})
    async with second_gateway(receipts, receipt_settings=settings) as client:
        unmarked = await client.get(path_of(name), headers=receipts.person.token)
        data = await unmarked.read()
    assert AI_MADE.encode() not in data.partition(b"<exemplar:receipt>")[0]
    assert unmarked.headers["ETag"] != marked.headers["ETag"]
    assert passes(data)[0].found.endswith("which is not marked as made by AI")


@pytest.mark.parametrize("kind", PICTURES)
async def test_every_range_is_that_part_of_the_variant(receipts: Receipts, kind: str) -> None:
    data = PICTURES[kind]
    name = await receipts.signed(data)
    whole = await receipts.fetch(path_of(name))
    variant, etag = await whole.read(), whole.headers["ETag"]
    size, start = len(variant), len(variant) - len(data)
    edges = (0, 1, 33, start - 1, start, start + 33, start + 34, start + 262_144, size - 1)
    for first in sorted({edge for edge in edges if edge < size}):
        for last in {first, min(first + 70_000, size - 1), size - 1}:
            wanted = {**receipts.person.token, "Range": f"bytes={first}-{last}", "If-Range": etag}
            part = await receipts.fetch(path_of(name), wanted)
            assert (part.status, part.headers["Content-Range"]) == (206, f"bytes {first}-{last}/{size}")
            assert await part.read() == variant[first : last + 1]
            assert part.headers["ETag"] == etag


async def test_the_version_of_the_variant_is_its_own(receipts: Receipts) -> None:
    name = await receipts.signed()
    plain = await receipts.fetch(f"{ONE}/{name}/images/0")
    variant = await receipts.fetch(path_of(name))
    assert plain.headers["ETag"] == f'"{sha256(receipts.pictures[name]).hexdigest()}"'
    assert variant.headers["ETag"] != plain.headers["ETag"]
    for etag, status in ((variant.headers["ETag"], 304), (plain.headers["ETag"], 200)):
        again = await receipts.fetch(path_of(name), {**receipts.person.token, "If-None-Match": etag})
        assert again.status == status
    head = await receipts.fetch(path_of(name), method="HEAD")
    assert (head.status, head.headers["ETag"]) == (200, variant.headers["ETag"])
    assert int(head.headers["Content-Length"]) == len(await variant.read())
    beyond = await receipts.fetch(path_of(name), {**receipts.person.token, "Range": "bytes=99999999-"})
    assert beyond.status == 416


async def test_the_first_picture_has_the_same_variant(receipts: Receipts) -> None:
    name = await receipts.signed()
    first = await receipts.fetch(f"{ONE}/{name}/image?receipt=embedded")
    assert await first.read() == await (await receipts.fetch(path_of(name))).read()


async def test_a_signed_link_opens_the_variant_and_a_public_picture_does_not(receipts: Receipts) -> None:
    name = await receipts.signed()
    _, resource = await receipts.gateway.get(f"{ONE}/{name}", receipts.person.token)
    link = "/" + resource["result"]["images"][0]["url"].partition("//")[2].partition("/")[2]
    passes(await (await receipts.fetch(f"{link}&receipt=embedded", {})).read())
    status, _ = await receipts.gateway.call("PATCH", f"{ONE}/{name}/public", receipts.person.token, {"is_public": True})
    assert status == 200
    assert (await receipts.fetch(f"{ONE}/{name}/images/0", {})).status == 200
    assert await receipts.refusal(path_of(name), {}) == (401, "authorization_required")
    assert await receipts.refusal(path_of(name), receipts.stranger.token) == (404, "not_found")
    own = await receipts.fetch(path_of(name))
    assert (own.status, own.headers["Cache-Control"]) == (200, "private, max-age=3600")


async def test_what_has_no_receipt_has_no_variant(receipts: Receipts) -> None:
    unsigned = await receipts.completed()
    answer = await receipts.fetch(path_of(unsigned))
    assert (answer.status, (await answer.json())["code"]) == (409, "receipt_pending")
    assert answer.headers["Retry-After"] == "60"
    assert (await receipts.fetch(f"{ONE}/{unsigned}/images/0")).status == 200


@pytest.mark.parametrize("query", ["receipt=", "receipt=x", "receipt=embedded&receipt=embedded", "receipt=Embedded"])
async def test_an_unknown_variant_is_refused(receipts: Receipts, query: str) -> None:
    name = await receipts.signed()
    assert await receipts.refusal(f"{ONE}/{name}/images/0?{query}") == (422, "invalid_request")
    assert await receipts.refusal(f"{ONE}/{name}/examples/0?receipt=embedded") == (422, "invalid_request")


async def test_a_picture_that_can_hold_no_receipt_says_so(receipts: Receipts) -> None:
    cut = b"\xff\xd8\xff\xe1\xff\xffExif\0\0" + PICTURES["JPEG"][2:60]
    plain = PICTURES["JPEG"]
    name = await receipts.signed(plain)
    blobs = receipts.gateway.store.database["blobs"]
    changed = {"data": cut, "sha256": sha256(cut).hexdigest()}
    await blobs.update_one({"generation": name, "kind": "result"}, {"$set": changed})
    assert await receipts.refusal(path_of(name)) == (409, "conflict")


@pytest.mark.parametrize(("megabytes", "status"), [(1, 503), (2, 200)])
async def test_the_variant_holds_the_budget_of_outgoing_bytes(receipts: Receipts, megabytes: int, status: int) -> None:
    name = await receipts.signed(PICTURES["JPEG of more than are read at once"])
    budget = ByteBudget(megabytes * 2**20, share=megabytes * 2**20, wait=0.05)
    async with second_gateway(receipts, download_budget=budget) as client:
        answer = await client.get(path_of(name), headers=receipts.person.token)
        assert (answer.status, len(await answer.read()) > 3_000_000) == (status, status == 200)
    assert budget.free == megabytes * 2**20


async def test_an_altered_picture_is_damaged(receipts: Receipts) -> None:
    name = await receipts.signed()
    altered = {"$set": {"data": receipts.pictures[name][:-1] + b"?"}}
    await receipts.gateway.store.database["blobs"].update_one({"generation": name, "kind": "result"}, altered)
    assert await receipts.refusal(path_of(name)) == (500, "damaged")
