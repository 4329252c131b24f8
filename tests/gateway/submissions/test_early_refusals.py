"""A refusal in the middle of a body is seen by the client, whatever it goes on sending."""

import asyncio
import http.client
import shutil
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.builders.pictures import png_header
from tests.gateway.submissions.wire import BOUNDARY, Door, form, open_door, part, request

SIXTY = 60 * 1024 * 1024
TOO_LARGE = {"detail": "File size exceeds maximum allowed size of 10MB"}
INSTRUCTIONS = part("instructions", b'{"prompt": "a"}')
IMAGE = part("example_images", png_header(8, 8), "a.png")


@pytest.fixture(scope="module")
def sixty() -> bytes:
    return form(part("example_images", png_header(8, 8) + bytes(SIXTY), "a.png"), INSTRUCTIONS)


async def test_a_client_that_sends_sixty_megabytes_first_reads_the_refusal_then(
    door: Door, sixty: bytes
) -> None:
    async with door.wire() as wire:
        await wire.send(request(sixty))
        answer = await wire.answer()
        assert (answer.status, answer.contract) == (413, TOO_LARGE)
        assert await asyncio.wait_for(wire.end(), 5) == b""


async def test_the_refusal_comes_before_the_rest_of_the_body_is_sent(door: Door) -> None:
    head = request(b"", {"Content-Length": "", "Transfer-Encoding": "chunked"})
    opening = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'.encode()
    async with door.wire() as wire:
        await wire.send(head + b"%x\r\n%b" % (SIXTY, opening + bytes(10_485_761)))
        answer = await asyncio.wait_for(wire.answer(), 5)
        assert (answer.status, answer.contract) == (413, TOO_LARGE)


async def test_a_sixth_image_is_refused_when_it_begins(door: Door) -> None:
    begun = form(*[IMAGE] * 5, part("files", b"", "f.png")).removesuffix(f"\r\n--{BOUNDARY}--\r\n".encode())
    async with door.wire() as wire:
        await wire.send(request(begun, {"Content-Length": "50000000"}))
        answer = await asyncio.wait_for(wire.answer(), 5)
        assert (answer.status, answer.contract) == (422, {"detail": "Maximum 5 example images allowed"})
        assert answer.headers["connection"] == "close"


async def test_a_client_that_never_stops_sending_is_cut_off_after_the_lingering_time() -> None:
    async with open_door(lingering_time=0.5) as door, door.wire() as wire:
        await wire.send(request(b"", {"Content-Length": "99999999999"}))
        assert (await wire.answer()).status == 413

        async def pour() -> None:
            while True:
                await wire.send(bytes(1024))
                await asyncio.sleep(0.01)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(pour(), 5)


async def test_httpx_sees_the_refusal(door: Door) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        files = {"example_images": ("a.png", bytes(SIXTY), "image/png")}
        answer = await client.post(f"{door.url}/generate-v2", files=files, data={"instructions": "{}"})
    assert (answer.status_code, answer.json()["detail"]) == (413, TOO_LARGE["detail"])


async def test_aiohttp_sees_the_refusal(door: Door) -> None:
    data = aiohttp.FormData()
    data.add_field("example_images", bytes(SIXTY), filename="a.png")
    async with aiohttp.ClientSession() as client, client.post(f"{door.url}/generate-v2", data=data) as answer:
        assert (answer.status, (await answer.json())["detail"]) == (413, TOO_LARGE["detail"])


async def test_the_standard_library_client_sees_the_refusal(door: Door, sixty: bytes) -> None:
    def send() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=30)
        content_type = f"multipart/form-data; boundary={BOUNDARY}"
        connection.request("POST", "/generate-v2", sixty, {"Content-Type": content_type})
        answer = connection.getresponse()
        return answer.status, answer.read()

    status, body = await asyncio.to_thread(send)
    assert status == 413
    assert TOO_LARGE["detail"].encode() in body


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
@pytest.mark.parametrize("options", [[], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]])
async def test_curl_sees_the_refusal(door: Door, tmp_path: Path, options: list[str]) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(png_header(8, 8) + bytes(SIXTY))
    form_fields = ["-F", f"example_images=@{picture}", "-F", 'instructions={"prompt": "a"}']
    show = ["-sS", "-o", "-", "-w", "\n%{http_code}"]
    process = await asyncio.create_subprocess_exec(
        "curl", *show, *options, *form_fields, f"{door.url}/generate-v2", stdout=asyncio.subprocess.PIPE
    )
    body, status = (await process.communicate())[0].decode().split("\n")
    assert (process.returncode, status) == (0, "413")
    assert str(TOO_LARGE["detail"]) in body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Length": str(51 * 1024 * 1024 + 1)}, 413),
        ({"Content-Length": "99999999999999"}, 413),
        ({"Content-Length": "1000", "Content-Encoding": "gzip"}, 415),
        ({"Content-Length": "1000", "Content-Type": "application/json"}, 422),
    ],
)
async def test_what_the_header_gives_away_is_refused_before_100_continue(
    door: Door, headers: dict[str, str], status: int
) -> None:
    answer = await door.ask(request(b"", {"Expect": "100-continue", **headers}))
    assert answer.status == status
    assert status != 413 or answer.contract == TOO_LARGE


async def test_the_largest_legal_content_length_is_told_to_continue(door: Door) -> None:
    headers = {"Expect": "100-continue", "Content-Length": str(51 * 1024 * 1024)}
    assert (await door.ask(request(b"", headers))).status == 100


async def test_a_waiting_client_is_told_to_continue_and_then_answered(door: Door) -> None:
    body = form(IMAGE, INSTRUCTIONS)
    async with door.wire() as wire:
        await wire.send(request(b"", {"Expect": "100-Continue", "Content-Length": str(len(body))}))
        assert (await wire.answer()).status == 100
        await wire.send(body)
        assert (await wire.answer()).status == 202


async def test_a_connection_goes_on_after_a_refusal_of_a_whole_body(door: Door) -> None:
    async with door.wire() as wire:
        await wire.send(request(form(INSTRUCTIONS)))
        assert (await wire.answer()).status == 422
        await wire.send(request(form(IMAGE, INSTRUCTIONS)))
        assert (await wire.answer()).status == 202
