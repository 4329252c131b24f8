import asyncio
import gzip
import json
import sys
from pathlib import Path
from time import thread_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import ExemplarError
from domain.submission.image_header import MAX_BYTES
from gateway.submissions.uploads.multipart import Part, read_multipart
from tests.builders.pictures import png_header
from tests.gateway.submissions.upload_server import BOUNDARY, UploadServer, chunked, form, part, request

IMAGE = part("example_images", png_header(64, 64), "a.png", {"Content-Type": "image/png"})
INSTRUCTIONS = part("instructions", b'{"prompt": "a city"}')
GOOD = form(IMAGE, INSTRUCTIONS)
MARK = b"--" + BOUNDARY.encode()
OPEN = {"Content-Length": "", "Transfer-Encoding": "chunked"}


def typed(content_type: str) -> bytes:
    return request(GOOD, {"Content-Type": content_type})


def heads(*lines: str) -> bytes:
    """Make a body whose first part has these header lines and a picture."""
    odd = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + png_header(64, 64)
    return request(form(odd, INSTRUCTIONS))


DISPOSITION = 'Content-Disposition: form-data; name="example_images"; filename="a.png"'

BROKEN_MULTIPART = {
    "no content type": request(GOOD, {"Content-Type": ""}),
    "json": request(b'{"prompt": "a"}', {"Content-Type": "application/json"}),
    "urlencoded": request(b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}),
    "multipart/mixed": typed(f"multipart/mixed; boundary={BOUNDARY}"),
    "multipart/form-datax": typed(f"multipart/form-datax; boundary={BOUNDARY}"),
    "no boundary": typed("multipart/form-data"),
    "empty boundary": typed("multipart/form-data; boundary="),
    "empty quoted boundary": typed('multipart/form-data; boundary=""'),
    "two boundaries": typed(f"multipart/form-data; boundary=x; boundary={BOUNDARY}"),
    "another boundary": typed("multipart/form-data; boundary=another"),
    "a longer boundary": typed(f"multipart/form-data; boundary={BOUNDARY}x"),
    "a shorter boundary": typed(f"multipart/form-data; boundary={BOUNDARY[:-1]}"),
    "a boundary of 71": typed("multipart/form-data; boundary=" + "b" * 71),
    "a boundary of 4 kB": typed("multipart/form-data; boundary=" + "b" * 4000),
    "a boundary that ends in a space": typed(f'multipart/form-data; boundary="{BOUNDARY} "'),
    "a boundary of other letters": typed("multipart/form-data; boundary=\xe9\xe9"),
    "empty body": request(b""),
    "empty chunked body": request(b"", OPEN) + chunked(),
    "one byte": request(b"-"),
    "only line breaks": request(b"\r\n" * 100),
    "a preamble without its line break": request(b"hello" + GOOD),
    "long preamble": request(b"x" * 100_000 + b"\r\n" + GOOD),
    "no parts at all, unfinished": request(MARK + b"\r\n"),
    "cut in the boundary": request(GOOD[: len(MARK) - 3]),
    "cut in a header": request(GOOD[: len(MARK) + 20]),
    "cut in the picture": request(GOOD[: GOOD.index(b"IHDR")]),
    "no last boundary": request(GOOD[: GOOD.rindex(MARK)]),
    "last boundary without dashes": request(GOOD[: GOOD.rindex(b"--\r\n")]),
    "last boundary with one dash": request(GOOD[: GOOD.rindex(b"--\r\n")] + b"-\r\n"),
    "long padding": request(GOOD.replace(MARK + b"\r\n", MARK + b" " * 129 + b"\r\n", 1)),
    "junk behind a boundary": request(GOOD.replace(MARK + b"\r\n", MARK + b"junk\r\n", 1)),
    "bare line feeds": request(GOOD.replace(b"\r\n", b"\n")),
    "bare line feeds in headers": request(GOOD.replace(b"\r\nContent-Type", b"\nContent-Type")),
    "65 parts": request(form(IMAGE, INSTRUCTIONS, *[part("x", b"")] * 63)),
    "1,001 parts": request(form(*[part("x", b"y")] * 1001)),
    "5,000 parts before the picture": request(form(*[part("x", b"")] * 5000, IMAGE, INSTRUCTIONS)),
    "nine headers in a part": heads(DISPOSITION, *(f"X-{n}: y" for n in range(8))),
    "5,000 headers in a part": heads(DISPOSITION, *(f"X-{n}: y" for n in range(5000))),
    "a part header of 5 kB": heads(DISPOSITION, "X-Long: " + "y" * 5000),
    "a part header of 100 kB": heads(DISPOSITION, "X-Long: " + "y" * 100_000),
    "a part header without end": request(MARK + b"\r\nX: " + b"y" * 100_000),
    "a part header without colon": heads(DISPOSITION, "nonsense"),
    "a part header with a bad name": heads(DISPOSITION, "X\x01Y: z"),
    "no disposition": heads("Content-Type: image/png"),
    "no headers at all": request(form(b"\r\n" + png_header(1, 1), INSTRUCTIONS)),
    "attachment": heads('Content-Disposition: attachment; name="example_images"'),
    "no name": heads('Content-Disposition: form-data; filename="a.png"'),
    "empty name": heads('Content-Disposition: form-data; name=""; filename="a.png"'),
    "base64": heads(DISPOSITION, "Content-Transfer-Encoding: base64"),
    "BASE64": heads(DISPOSITION, "content-transfer-encoding: BASE64"),
    "quoted-printable": heads(DISPOSITION, "Content-Transfer-Encoding: quoted-printable"),
    "an unknown transfer encoding": heads(DISPOSITION, "Content-Transfer-Encoding: x-gzip"),
    "a nested multipart": heads(DISPOSITION, "Content-Type: multipart/mixed; boundary=inner"),
    "a nested form": heads(DISPOSITION, "Content-Type: Multipart/Form-Data; boundary=inner"),
    "a part length that is too short": heads(DISPOSITION, "Content-Length: 3"),
    "a part length that is too long": heads(DISPOSITION, "Content-Length: 300"),
    "a part length that is no number": heads(DISPOSITION, "Content-Length: -1"),
    "two part lengths": heads(DISPOSITION, "Content-Length: 33", "Content-Length: 33"),
    "a chunk that is cut": request(b"", OPEN) + chunked(GOOD[:-20]),
}

BROKEN_CHUNKS = {
    "a size that is no number": b"zz\r\n" + GOOD,
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "no line break behind a chunk": b"%x\r\n%bxx0\r\n\r\n" % (len(GOOD), GOOD),
    "a size without end": b"f" * 100_000,
}

UNSUPPORTED = {
    "gzip": request(gzip.compress(GOOD), {"Content-Encoding": "gzip"}),
    "a gzip bomb": request(gzip.compress(bytes(20_000_000)), {"Content-Encoding": "gzip"}),
    "deflate, said loudly": request(GOOD, {"Content-Encoding": "DEFLATE"}),
    "br": request(GOOD, {"Content-Encoding": "br"}),
    "unknown": request(GOOD, {"Content-Encoding": "x-thing"}),
    "identity and gzip": request(GOOD, {"Content-Encoding": "identity, gzip"}),
}

NO_HTTP = {
    "length and chunked": request(GOOD, {"Transfer-Encoding": "chunked"}),
    "two lengths": request(GOOD, {"content-length": "5"}),
    "two equal lengths": request(GOOD, {"content-length": str(len(GOOD))}),
    "a length that is no number": request(GOOD, {"Content-Length": "abc"}),
    "a negative length": request(GOOD, {"Content-Length": "-1"}),
    "a length with a sign": request(GOOD, {"Content-Length": "+5"}),
    "an unknown transfer coding": request(GOOD, {"Content-Length": "", "Transfer-Encoding": "chunky"}),
    "chunked twice": request(GOOD, {"Content-Length": "", "Transfer-Encoding": "chunked, chunked"}),
    "5,000 headers": request(GOOD, {f"X-{n}": "y" for n in range(5000)}),
    "a header of 9 kB": request(GOOD, {"X-Long": "y" * 9000}),
    "a target of 9 kB": request(GOOD, target="POST /" + "y" * 9000),
    "a header without colon": request(GOOD, {"X": "y\r\nnonsense"}),
    "a header with NUL": request(GOOD, {"X": "y\0z"}),
    "no request line": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "a strange method": request(GOOD, target="PO(ST /generate-v2"),
}


@pytest.mark.parametrize("name", BROKEN_MULTIPART)
async def test_malformed_multipart_gets_422(server: UploadServer, name: str) -> None:
    answer = await server.ask(BROKEN_MULTIPART[name])
    assert (answer.status, answer.body["code"]) == (422, "invalid_multipart"), answer.text
    [fault] = list(answer.body["detail"])  # type: ignore[call-overload]
    assert (fault["loc"], fault["type"]) == (["body"], "value_error.multipart")
    assert fault["msg"].startswith("Invalid multipart body: ")


@pytest.mark.parametrize("name", UNSUPPORTED)
async def test_compressed_body_gets_415(server: UploadServer, name: str) -> None:
    answer = await server.ask(UNSUPPORTED[name])
    assert (answer.status, answer.body["code"]) == (415, "unsupported_encoding")


@pytest.mark.parametrize("name", NO_HTTP)
async def test_malformed_http_gets_400_in_the_error_format(server: UploadServer, name: str) -> None:
    async with server.wire() as wire:
        await wire.send(NO_HTTP[name])
        answer = await wire.answer()
        assert (answer.status, answer.body["code"]) == (400, "invalid_request"), answer.text
        assert answer.body["request_id"] == answer.headers["x-request-id"]
        await asyncio.wait_for(wire.end(), 5)


@pytest.mark.parametrize("name", BROKEN_CHUNKS)
@pytest.mark.parametrize("begun", [False, True])
async def test_malformed_transfer_coding_gets_400(server: UploadServer, name: str, begun: bool) -> None:
    head = request(b"", {**OPEN, **({"Expect": "100-continue"} if begun else {})})
    async with server.wire() as wire:
        await wire.send(head if begun else head + BROKEN_CHUNKS[name])
        if begun:
            assert (await wire.answer()).status == 100
            await wire.send(BROKEN_CHUNKS[name])
        answer = await wire.answer()
        assert (answer.status, answer.body["code"]) == (400, "invalid_request"), answer.text
        await asyncio.wait_for(wire.end(), 5)


ACCEPTED = {
    "a quoted boundary": typed(f'multipart/form-data; boundary="{BOUNDARY}"'),
    "a loud content type": typed(f"Multipart/Form-Data; BOUNDARY={BOUNDARY}"),
    "a charset": typed(f"multipart/form-data; charset=utf-8; boundary={BOUNDARY}"),
    "a line break before the first boundary": request(b"\r\n" + GOOD),
    "no line break behind the last boundary": request(GOOD.removesuffix(b"\r\n")),
    "a preamble": request(b"This is a multi-part message.\r\n" + GOOD),
    "a preamble of 16 kB": request((b"x" * 1022 + b"\r\n") * 15 + b"x" * 900 + b"\r\n" + GOOD),
    "padding behind every boundary": request(GOOD.replace(MARK, MARK + b" \t ").replace(b" \t --\r\n", b"--  \r\n")),
    "the longest padding": request(GOOD.replace(MARK + b"\r\n", MARK + b" " * 128 + b"\r\n", 1)),
    "padding of a tab": request(GOOD.replace(MARK + b"\r\n", MARK + b"\t\r\n", 1)),
    "a part header of broken UTF-8": heads(DISPOSITION, "X-Y: \xff\xfe"),
    "tabs in a part header": heads(DISPOSITION.replace("; ", ";\t")),
    "folded part headers": heads(DISPOSITION.replace("; ", ";\r\n\t"), "X-Y: 1\r\n  2"),
    "an epilogue": request(GOOD + b"this is not read"),
    "identity": request(GOOD, {"Content-Encoding": "identity"}),
    "8bit": heads(DISPOSITION, "Content-Transfer-Encoding: 8bit"),
    "a part length that is right": heads(DISPOSITION, "Content-Length: 33"),
    "64 parts": request(form(IMAGE, INSTRUCTIONS, *[part("x", b"")] * 62)),
    "a name in other letters": heads(DISPOSITION.replace("a.png", "é東.png").encode().decode("latin-1")),
    "chunks of one byte": request(b"", OPEN) + chunked(*(bytes([byte]) for byte in GOOD)),
}


BOUNDARIES = {
    "all marks of RFC 2046": ("a'()+_,-./:=?z", '"a\'()+_,-./:=?z"'),
    "marks without quotes": ("----=_Part_1_42.1(x)/:?", "----=_Part_1_42.1(x)/:?; charset=utf-8"),
    "quoted pairs": ('a"b\\c+d', '"a\\"b\\\\c\\+d"; charset=utf-8'),
    "spaces around the equals sign": ("xyz", ' "xyz" ;charset = "utf-8"'),
    "a boundary in another parameter": ("xyz", 'xyz; comment="; boundary=evil"'),
    "a semicolon": ("abc;def", '"abc;def"'),
    "inner spaces": ("a (b) c", '"a (b) c"'),
}


@pytest.mark.parametrize("name", BOUNDARIES)
async def test_a_boundary_is_read_as_rfc_2045_quotes_it(server: UploadServer, name: str) -> None:
    boundary, written = BOUNDARIES[name]
    body = form(IMAGE, INSTRUCTIONS, boundary=boundary)
    answer = await server.ask(request(body, {"Content-Type": f"multipart/form-data; boundary={written}"}))
    assert answer.status == 202, answer.text


CODE_PAGES = {
    "cp1252": "Übersicht",
    "gbk": "照片",
    "cp932": "写真表",
    "cp1251": "Фото",
    "big5": "功能",
    "euc-kr": "사진",
}


@pytest.mark.parametrize("charset", CODE_PAGES)
@pytest.mark.parametrize("more", [b"", b"; filename*=utf-8''a.png"])
async def test_a_file_name_in_any_code_page_is_accepted(server: UploadServer, charset: str, more: bytes) -> None:
    name = CODE_PAGES[charset].encode(charset) + b".png"
    head = b'Content-Disposition: form-data; name="example_images"; filename="' + name + b'"' + more
    first = b'Content-Disposition: form-data; filename="' + name.removesuffix(b".png") + b'"; name="files"'
    answer = await server.submit(*(one + b"\r\n\r\n" + png_header(64, 64) for one in (head, first)), INSTRUCTIONS)
    assert answer.status == 202, answer.text


TOLD = {
    "json": (request(b"{}", {"Content-Type": "application/json"}), "'application/json'", "multipart/form-data"),
    "no boundary": (typed("multipart/form-data"), "no boundary", "multipart/form-data; boundary=..."),
    "a long boundary": (typed("multipart/form-data; boundary=" + "b" * 71), "'bbb", "1 to 70 visible characters"),
    "another boundary": (typed("multipart/form-data; boundary=another"), "'--another'", "first 16384 bytes"),
    "base64": (heads(DISPOSITION, "Content-Transfer-Encoding: base64"), "'base64'", "plain bytes"),
    "bare line feeds": (request(GOOD.replace(b"\r\n", b"\n")), "near part", "CR LF"),
    "65 parts": (request(form(*[part("x", b"")] * 65)), "may be", "at most 64 parts"),
    "a cut body": (request(GOOD[:-20]), "ends before its last boundary", ""),
}


@pytest.mark.parametrize("name", TOLD)
async def test_a_refused_form_is_told_what_came_and_what_is_wanted(server: UploadServer, name: str) -> None:
    sent, *told = TOLD[name]
    message = json.loads((await server.ask(sent)).text)["detail"][0]["msg"]
    assert all(piece in message for piece in told), message


@pytest.mark.parametrize("name", BROKEN_MULTIPART)
async def test_no_exception_is_quoted_in_an_answer(server: UploadServer, name: str) -> None:
    text = (await server.ask(BROKEN_MULTIPART[name])).text
    assert not [word for word in ("Error(", "Exception", "codec", "Traceback", "segment") if word in text], text


@pytest.mark.parametrize("name", ACCEPTED)
async def test_variants_of_the_standard_are_accepted(server: UploadServer, name: str) -> None:
    answer = await server.ask(ACCEPTED[name])
    assert answer.status == 202, answer.text


class Pieces:
    """A body that arrives in pieces of chosen sizes."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = data
        self._sizes = sizes

    async def read(self) -> bytes:
        size = self._sizes.pop() if self._sizes else len(self._data)
        piece, self._data = self._data[:size], self._data[size:]
        return piece


async def outcome(data: bytes, sizes: list[int]) -> object:
    """Read a body; return its parts with joined contents, or the error's message."""
    parts: list[tuple[Part, bytearray]] = []
    try:
        async for event in read_multipart(Pieces(data, sizes).read, BOUNDARY):
            if isinstance(event, Part):
                parts.append((event, bytearray()))
            elif event is not None:
                parts[-1][1].extend(event)
    except ExemplarError as error:
        return error.message
    return parts


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_result_does_not_depend_on_chunk_sizes(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    noise = data.draw(st.sampled_from([b"", b"\r\n", b"--", MARK, b"\r", MARK + b"--", b"\n", b"\0", b" \t", b" \r\n"]))
    body = GOOD[:start] + noise + GOOD[start + data.draw(st.integers(0, 3)) :]
    body = body + data.draw(st.sampled_from([b"", b"\r\n", b"epilogue"]))
    sizes = data.draw(st.lists(st.integers(1, 60), max_size=40))
    assert await outcome(body, sizes) == await outcome(body, [])


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_hundred_thousand_parts_are_refused_with_little_memory_and_time(server: UploadServer) -> None:
    body = form(*[part("x", b"y")] * 100_000)
    gaps: list[float] = []

    async def beat() -> None:
        last = thread_time()  # of the processor: what others keep the machine busy with does not count
        while True:
            await asyncio.sleep(0.002)
            now = thread_time()
            gaps.append(now - last)
            last = now

    before = resident_bytes()
    heartbeat = asyncio.create_task(beat())
    try:
        for _ in range(3):
            async with server.wire() as wire:
                await wire.send(request(body))
                answer = await wire.answer()
            assert answer.status == 422
    finally:
        heartbeat.cancel()
    assert resident_bytes() - before < 64 * 1024 * 1024
    assert all(gap < 0.1 for gap in gaps), "no other connection waits long"
    assert len(body) < MAX_BYTES
