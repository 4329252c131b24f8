"""Pictures over HTTP: range and conditional requests (RFC 9110)."""

import hashlib
from typing import Any

import pytest
import pytest_asyncio

from tests.systems.gateway_harness import ONE, GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Picture:
    """A finished picture and its owner."""

    def __init__(self, gateway: GatewayHarness, path: str, headers: dict[str, str], data: bytes) -> None:
        self.path, self.data = path, data
        self._gateway, self._headers = gateway, headers

    async def fetch(self, method: str = "GET", **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self._gateway.client.request(method, self.path, headers={**self._headers, **sent})
        await answer.read()
        return answer

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.data).hexdigest()}"'


@pytest_asyncio.fixture(loop_scope="module")
async def picture(gateway: GatewayHarness) -> Picture:
    person = await gateway.person()
    generation = await gateway.completed(person)
    data = gateway.picture + generation.encode()
    return Picture(gateway, f"{ONE}/{generation}/images/0", person.token, data)


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=2-5", 2, 5),
        ("bytes=5-", 5, None),
        ("bytes=-7", -7, None),
        ("bytes=-99999999", 0, None),
        ("bytes=3-99999999", 3, None),
    ],
)
async def test_single_range_gets_206(picture: Picture, wanted: str, first: int, last: int | None) -> None:
    answer = await picture.fetch(Range=wanted)
    size = len(picture.data)
    start, stop = first % size, size if last is None else last + 1
    assert (answer.status, await answer.read()) == (206, picture.data[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"


@pytest.mark.parametrize(
    "wanted", ["bytes=5-2", "bytes=-", "bytes=", "bytes=0-1,3-4", "bytes=a-b", "lines=1-2", "bytes=1-2-3", ""]
)
async def test_malformed_or_multiple_ranges_get_the_whole_picture(picture: Picture, wanted: str) -> None:
    answer = await picture.fetch(Range=wanted)
    assert (answer.status, await answer.read()) == (200, picture.data)
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=99999999-999999999", "bytes=-0"])
async def test_range_after_the_end_gets_416_with_the_size(picture: Picture, wanted: str) -> None:
    answer = await picture.fetch(Range=wanted)
    assert (answer.status, (await answer.json())["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(picture.data)}"


async def test_if_range_with_another_etag_gets_the_whole_picture(picture: Picture) -> None:
    assert (await picture.fetch(Range="bytes=0-1", If_Range=picture.etag)).status == 206
    assert (await picture.fetch(Range="bytes=0-1", If_Range='"another"')).status == 200
    head = await picture.fetch("HEAD", Range="bytes=0-1")
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(picture.data)))


@pytest.mark.parametrize("form", ["{}", "*", "W/{}", '"a", {}', 'W/"b,c" ,W/{}', '"a",{},"z"'])
async def test_matching_if_none_match_gets_304(picture: Picture, form: str) -> None:
    resource = picture.path.removesuffix("/images/0")
    for path in (picture.path, resource, f"{resource}/status"):
        picture.path = path
        etag = (await picture.fetch()).headers["ETag"]
        answer = await picture.fetch(If_None_Match=form.format(etag))
        assert (answer.status, await answer.read()) == (304, b"")
        assert answer.headers["ETag"] == etag


@pytest.mark.parametrize("form", ['"x{}"', "{}x", '"*"', '"another"', ""])
async def test_similar_etag_does_not_match(picture: Picture, form: str) -> None:
    bare = picture.etag.strip('"')
    assert (await picture.fetch(If_None_Match=form.format(bare))).status == 200


@pytest.mark.parametrize("wanted", [{}, {"Range": "bytes=0-0"}])
async def test_altered_picture_is_answered_with_damaged(
    gateway: GatewayHarness, picture: Picture, wanted: dict[str, str]
) -> None:
    generation = picture.path.split("/")[-3]
    altered = {"$set": {"data": picture.data[:-1] + b"?"}}
    await gateway.store.database["blobs"].update_one({"generation": generation, "kind": "result"}, altered)
    answer = await picture.fetch(**wanted)
    assert (answer.status, (await answer.json())["code"]) == (500, "damaged")
