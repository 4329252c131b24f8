"""Errors that are answered before the whole body was read reach the client."""

import asyncio
import http.client
import shutil
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.builders.pictures import png_header
from tests.gateway.submissions.upload_server import BOUNDARY, UploadServer, form, open_server, part, request

SIXTY = 60 * 1024 * 1024
TOO_LARGE = {"detail": "File size exceeds maximum allowed size of 10MB"}
INSTRUCTIONS = part("instructions", b'{"prompt": "a"}')
IMAGE = part("example_images", png_header(8, 8), "a.png")


@pytest.fixture(scope="module")
def sixty() -> bytes:
    return form(part("example_images", png_header(8, 8) + bytes(SIXTY), "a.png"), INSTRUCTIONS)


async def test_error_is_readable_after_sending_the_whole_body(server: UploadServer, sixty: bytes) -> None:
    async with server.wire() as wire:
        await wire.send(request(sixty))
        answer = await wire.answer()
        assert (answer.status, answer.contract) == (413, TOO_LARGE)
        assert await asyncio.wait_for(wire.end(), 5) == b""


async def test_error_is_sent_before_the_rest_of_the_body(server: UploadServer) -> None:
    head = request(b"", {"Content-Length": "", "Transfer-Encoding": "chunked"})
    opening = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'.encode()
    async with server.wire() as wire:
        await wire.send(head + b"%x\r\n%b" % (SIXTY, opening + bytes(10_485_761)))
        answer = await asyncio.wait_for(wire.answer(), 5)
        assert (answer.status, answer.contract) == (413, TOO_LARGE)


async def test_sixth_image_is_refused_at_its_first_byte(server: UploadServer) -> None:
    begun = form(*[IMAGE] * 5, part("files", b"", "f.png")).removesuffix(f"\r\n--{BOUNDARY}--\r\n".encode())
    async with server.wire() as wire:
        await wire.send(request(begun, {"Content-Length": "50000000"}))
        answer = await asyncio.wait_for(wire.answer(), 5)
        assert (answer.status, answer.contract) == (422, {"detail": "Maximum 5 example images allowed"})
        assert answer.headers["connection"] == "close"


async def test_endless_body_is_closed_after_the_lingering_time() -> None:
    async with open_server(lingering_time=0.5) as server, server.wire() as wire:
        await wire.send(request(b"", {"Content-Length": "99999999999"}))
        assert (await wire.answer()).status == 413

        async def send_forever() -> None:
            while True:
                await wire.send(bytes(1024))
                await asyncio.sleep(0.01)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(send_forever(), 5)


async def test_httpx_receives_the_error(server: UploadServer) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        files = {"example_images": ("a.png", bytes(SIXTY), "image/png")}
        answer = await client.post(f"{server.url}/generate-v2", files=files, data={"instructions": "{}"})
    assert (answer.status_code, answer.json()["detail"]) == (413, TOO_LARGE["detail"])


async def test_aiohttp_receives_the_error(server: UploadServer) -> None:
    data = aiohttp.FormData()
    data.add_field("example_images", bytes(SIXTY), filename="a.png")
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{server.url}/generate-v2", data=data) as answer,
    ):
        assert (answer.status, (await answer.json())["detail"]) == (413, TOO_LARGE["detail"])


async def test_http_client_receives_the_error(server: UploadServer, sixty: bytes) -> None:
    def send() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        content_type = f"multipart/form-data; boundary={BOUNDARY}"
        connection.request("POST", "/generate-v2", sixty, {"Content-Type": content_type})
        answer = connection.getresponse()
        return answer.status, answer.read()

    status, body = await asyncio.to_thread(send)
    assert status == 413
    assert TOO_LARGE["detail"].encode() in body


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
@pytest.mark.parametrize("options", [[], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]])
async def test_curl_receives_the_error(server: UploadServer, tmp_path: Path, options: list[str]) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(png_header(8, 8) + bytes(SIXTY))
    form_fields = ["-F", f"example_images=@{picture}", "-F", 'instructions={"prompt": "a"}']
    show = ["-sS", "-o", "-", "-w", "\n%{http_code}"]
    process = await asyncio.create_subprocess_exec(
        "curl", *show, *options, *form_fields, f"{server.url}/generate-v2", stdout=asyncio.subprocess.PIPE
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
async def test_faults_in_headers_are_refused_before_100_continue(
    server: UploadServer, headers: dict[str, str], status: int
) -> None:
    answer = await server.ask(request(b"", {"Expect": "100-continue", **headers}))
    assert answer.status == status
    assert status != 413 or answer.contract == TOO_LARGE


async def test_largest_allowed_content_length_gets_100_continue(server: UploadServer) -> None:
    headers = {"Expect": "100-continue", "Content-Length": str(51 * 1024 * 1024)}
    assert (await server.ask(request(b"", headers))).status == 100


async def test_expect_100_continue_is_answered_before_the_response(server: UploadServer) -> None:
    body = form(IMAGE, INSTRUCTIONS)
    async with server.wire() as wire:
        await wire.send(request(b"", {"Expect": "100-Continue", "Content-Length": str(len(body))}))
        assert (await wire.answer()).status == 100
        await wire.send(body)
        assert (await wire.answer()).status == 202


async def test_connection_is_reused_after_an_error_for_a_complete_body(server: UploadServer) -> None:
    async with server.wire() as wire:
        await wire.send(request(form(INSTRUCTIONS)))
        assert (await wire.answer()).status == 422
        await wire.send(request(form(IMAGE, INSTRUCTIONS)))
        assert (await wire.answer()).status == 202
