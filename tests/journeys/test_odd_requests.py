"""Requests as strangers' clients send them, through the whole system."""

from tests.builders import odd_pictures as odd
from tests.builders.pictures import saved, shot, truncated
from tests.systems.tenants import SUBMIT, Tenant

SYSTEM = "solo"
BOUNDARY = "a 'strange' (boundary)"


async def test_odd_pictures_become_one_generation(tenant: Tenant) -> None:
    odd_jpeg = odd.jpeg_with(b"\0\xff\0" + odd.segment(0xE1, b"Exif\0\0") + odd.segment(0xEE, b"Adobe"))[:-2]
    odd_png = odd.toned_png(odd.key(1, 2, 3) + odd.chunk(b"pHYs", b"", spoilt=True) + odd.coded(12, 13))[:-12]
    generation = await tenant.accepted(odd_jpeg, odd_png, odd.webp_with(b"EXIF\x09\0\0\0junk", size=7))
    await tenant.completed(generation)


async def test_half_a_picture_fails(tenant: Tenant) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        generation = await tenant.accepted(truncated(saved(shot(), kind)))
        assert (await tenant.finished(generation))["failure"]["code"] == "invalid_image"


async def test_an_odd_form_becomes_a_generation(tenant: Tenant) -> None:
    name = "写真表.jpg".encode("cp932")
    parts = [
        b'Content-Disposition: form-data; name="example_images[]"; filename="' + name + b'"\r\n\r\n' + odd.tone_jpeg(),
        b"Content-Type: text/plain; charset=utf-16\r\nContent-Disposition: form-data; name=instructions\r\n\r\n"
        + '{"prompt": "a heliotrope walrus"}'.encode("utf-16"),
    ]
    mark = b"--" + BOUNDARY.encode()
    body = b"A preamble.\r\n" + b"".join(mark + b" \t\r\n" + part + b"\r\n" for part in parts) + mark + b"--  \r\n"
    headers = {
        **tenant.headers,
        "Content-Type": f'multipart/form-data; boundary="{BOUNDARY}"; charset=utf-8',
        "traceparent": "free text",
    }
    async with tenant.session.post(tenant.base_url + SUBMIT, data=body, headers=headers) as answer:
        assert answer.status == 202, await answer.text()
        generation = (await answer.json())["id"]
    await tenant.completed(generation)
    assert not [event for event in await tenant.events(generation) if "traceparent" in event]
