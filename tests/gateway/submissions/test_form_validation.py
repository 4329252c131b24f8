import hashlib
import json

import pytest

from tests.builders.pictures import bomb_png, jpeg_header, photo, png_header, webp, with_tail
from tests.gateway.submissions.upload_server import UploadServer, chunked, form, part, request

INSTRUCTIONS = part("instructions", b'{"prompt": "a city"}')
LOC = ["body", "instructions"]


def image(content: bytes, name: str = "example_images", filename: str = "a.jpg") -> bytes:
    return part(name, content, filename, {"Content-Type": "image/jpeg"})


def field(loc: list[str], msg: str, kind: str) -> dict[str, object]:
    return {"detail": [{"loc": loc, "msg": msg, "type": kind}]}


def said(text: str) -> bytes:
    return part("instructions", text.encode())


async def test_five_images_under_both_field_names_are_read_hashed_and_measured(server: UploadServer) -> None:
    names = ["coffee.png", "chelsea.png", "astronaut.png", "rocket.jpg", "hubble_deep_field.jpg"]
    fields = ["example_images", "files", "example_images", "files", "example_images"]
    parts = [image(photo(name), field, name) for name, field in zip(names, fields, strict=True)]
    answer = await server.submit(*parts, INSTRUCTIONS)
    assert answer.status == 202
    contents = [photo(name) for name in names]
    assert answer.body["images"] == [
        [name, len(content), hashlib.sha256(content).hexdigest(), kind, width]
        for name, content, kind, width in zip(
            names, contents, ["image/png"] * 3 + ["image/jpeg"] * 2, [600, 451, 512, 640, 1000], strict=True
        )
    ]
    assert answer.body["read"] == [len(content) for content in contents]
    assert answer.body["instructions"] == '{"prompt": "a city"}'


async def test_optional_fields_are_read_in_any_order(server: UploadServer, small_jpeg: bytes) -> None:
    answer = await server.submit(
        part("metadata", b'{"order": "17"}'),
        part("webhook_events_filter", b"completed"),
        part("unknown", b"anything", "x.bin"),
        INSTRUCTIONS,
        part("webhook", b"https://example.com/hook?x=1"),
        image(small_jpeg),
        part("webhook_events_filter", b"start"),
    )
    assert answer.status == 202
    assert answer.body["metadata"] == {"order": "17"}
    assert answer.body["webhook"] == "https://example.com/hook?x=1"
    assert answer.body["webhook_events_filter"] == ["completed", "start"]


async def test_missing_optional_fields_are_empty(server: UploadServer, small_jpeg: bytes) -> None:
    answer = await server.submit(image(small_jpeg), INSTRUCTIONS, part("webhook", b""), part("metadata", b""))
    assert (answer.body["webhook"], answer.body["webhook_events_filter"]) == (None, [])
    assert answer.body["metadata"] is None


async def test_five_images_of_the_largest_size_are_accepted(server: UploadServer, full_jpeg: bytes) -> None:
    body = form(*[image(full_jpeg)] * 5, INSTRUCTIONS)
    async with server.wire() as wire:
        await wire.send(request(body))
        answer = await wire.answer()
    assert (answer.status, answer.body["read"]) == (202, [10_485_760] * 5)


async def test_chunked_body_is_read(server: UploadServer, small_jpeg: bytes) -> None:
    body = form(image(small_jpeg), INSTRUCTIONS)
    headers = {"Content-Length": "", "Transfer-Encoding": "chunked"}
    pieces = [body[start : start + 700] for start in range(0, len(body), 700)]
    assert (await server.ask(request(b"", headers) + chunked(*pieces))).status == 202


async def test_empty_file_input_is_not_an_image(server: UploadServer, small_jpeg: bytes) -> None:
    empty = part("example_images", b"", "", {"Content-Type": "application/octet-stream"})
    answer = await server.submit(empty, *[image(small_jpeg)] * 5, empty, part("files", b""), INSTRUCTIONS)
    assert answer.status == 202
    assert len(list(answer.body["read"])) == 5  # type: ignore[call-overload]


async def test_image_without_a_file_name_is_accepted(server: UploadServer, small_jpeg: bytes) -> None:
    answer = await server.submit(part("files", small_jpeg), INSTRUCTIONS)
    assert (answer.status, answer.body["read"]) == (202, [len(small_jpeg)])


MISSING = field(["body", "example_images"], "field required", "value_error.missing")
TOO_MANY = {"detail": "Maximum 5 example images allowed"}
FORMAT = {"detail": "Invalid file format. Supported formats: JPEG, PNG, WebP"}
DIMENSIONS = {"detail": "Image dimensions exceed the maximum allowed size"}
LENGTH = {"detail": "Instructions must be between 1 and 1000 characters"}
NO_JSON = field(LOC, "Invalid JSON format", "value_error.json")
GIF = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
GOOD = png_header(64, 64)


@pytest.mark.parametrize(
    ("parts", "code", "expected"),
    [
        ([INSTRUCTIONS], "missing_images", MISSING),
        ([], "missing_images", MISSING),
        ([part("example_images", b"", ""), INSTRUCTIONS], "missing_images", MISSING),
        ([part("picture", GOOD, "a.png"), INSTRUCTIONS], "missing_images", None),
        ([said("not json")], "missing_images", MISSING),
        ([image(GOOD)] * 6 + [INSTRUCTIONS], "too_many_images", TOO_MANY),
        ([image(GIF)] * 6, "too_many_images", TOO_MANY),
        ([part("files", GOOD)] * 6, "too_many_images", TOO_MANY),
        ([image(GIF, filename="a.png"), INSTRUCTIONS], "invalid_image_format", FORMAT),
        ([image(b"", filename="a.png"), INSTRUCTIONS], "invalid_image_format", FORMAT),
        ([image(b"<svg/>"), INSTRUCTIONS], "invalid_image_format", FORMAT),
        ([image(GOOD), image(b"BM" + bytes(60)), INSTRUCTIONS], "invalid_image_format", FORMAT),
        ([image(bomb_png()), image(GIF)], "invalid_image_format", FORMAT),
        ([image(bomb_png()), INSTRUCTIONS], "image_dimensions_exceeded", DIMENSIONS),
        ([image(png_header(8193, 1)), INSTRUCTIONS], "image_dimensions_exceeded", DIMENSIONS),
        ([image(jpeg_header(1, 60000)), said("x")], "image_dimensions_exceeded", DIMENSIONS),
        ([image(GOOD)], "missing_instructions", field(LOC, "field required", "value_error.missing")),
        ([image(GOOD), part("metadata", b"x")], "missing_instructions", None),
        ([image(GOOD), INSTRUCTIONS, INSTRUCTIONS], "invalid_request", None),
        ([image(GOOD), said("")], "invalid_instructions_length", LENGTH),
        ([image(GOOD), said("x" * 1001)], "invalid_instructions_length", LENGTH),
        ([image(GOOD), said("🌆" * 1001)], "invalid_instructions_length", LENGTH),
        ([image(GOOD), said("x" * 100_000)], "invalid_instructions_length", LENGTH),
        ([image(GOOD), said("not json")], "invalid_instructions_json", NO_JSON),
        ([image(GOOD), part("instructions", b'{"prompt": "\xff"}')], "invalid_instructions_json", None),
        (
            [image(GOOD), said("[]")],
            "invalid_instructions_type",
            field(LOC, "Instructions must be a JSON object", "type_error.dict"),
        ),
        (
            [image(GOOD), said("{}"), part("metadata", b"x")],
            "invalid_instructions_prompt",
            field([*LOC, "prompt"], "field required", "value_error.missing"),
        ),
        (
            [image(GOOD), said('{"prompt": "a", "num_inference_steps": 51}')],
            "invalid_instructions_value",
            field(
                [*LOC, "num_inference_steps"],
                "ensure this value is less than or equal to 50",
                "value_error.number.not_le",
            ),
        ),
        (
            [image(GOOD), INSTRUCTIONS, part("metadata", b"[]"), part("webhook", b"x")],
            "invalid_metadata",
            field(["body", "metadata"], "Metadata must be a JSON object", "type_error.dict"),
        ),
        ([image(GOOD), INSTRUCTIONS, part("metadata", b'{"a": "\xff"}')], "invalid_metadata", None),
        ([image(GOOD), INSTRUCTIONS, part("metadata", b"{" + b" " * 9000 + b"}")], "invalid_metadata", None),
        ([image(GOOD), INSTRUCTIONS, *[part("metadata", b"{}")] * 2], "invalid_request", None),
        ([image(GOOD), INSTRUCTIONS, *[part("webhook", b"http://a/")] * 2], "invalid_request", None),
        *(
            (
                [image(GOOD), INSTRUCTIONS, part("webhook", url)],
                "invalid_webhook",
                field(["body", "webhook"], "invalid or unsupported URL", "value_error.url"),
            )
            for url in (
                b"x",
                b"/path",
                b"ftp://example.com/",
                b"https://",
                b"https:///path",
                b"javascript:alert(1)",
                b"https://user:pass@example.com/",
                b"https://example.com:99999/",
                b"https://example.com/\r\nX: y",
                b"https://[::1/",
                b"https://ex\xc3\xa4mple.com/",
                b"https://example.com/" + b"a" * 2040,
            )
        ),
        ([image(GOOD), INSTRUCTIONS, *[part("webhook_events_filter", b"a")] * 17], "invalid_webhook", None),
        ([image(GOOD), INSTRUCTIONS, part("webhook_events_filter", b"a" * 65)], "invalid_webhook", None),
        ([image(GOOD), INSTRUCTIONS, part("webhook_events_filter", b"\xff")], "invalid_webhook", None),
    ],
)
async def test_first_fault_in_the_documented_order_is_answered(
    server: UploadServer, parts: list[bytes], code: str, expected: dict[str, object] | None
) -> None:
    answer = await server.submit(*parts)
    assert (answer.status, answer.body["code"]) == (422, code)
    assert answer.body["request_id"] == answer.headers["x-request-id"]
    assert expected is None or answer.contract == expected


@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked", "Content-Length": ""}])
async def test_image_one_byte_over_the_limit_is_refused(
    server: UploadServer, full_jpeg: bytes, headers: dict[str, str]
) -> None:
    body = form(INSTRUCTIONS, image(full_jpeg + b"x"))
    whole = request(b"", headers) + chunked(body) if headers else request(body)
    async with server.wire() as wire:
        await wire.send(whole)
        answer = await wire.answer()
    assert answer.status == 413
    assert answer.contract == {"detail": "File size exceeds maximum allowed size of 10MB"}
    assert (answer.body["code"], answer.headers["connection"]) == ("image_too_large", "close")


async def test_chunked_body_over_the_largest_allowed_size_is_refused(server: UploadServer, small_jpeg: bytes) -> None:
    junk = [part(f"junk{n}", bytes(9 * 1024 * 1024), "j.bin") for n in range(6)]
    headers = {"Transfer-Encoding": "chunked", "Content-Length": ""}
    async with server.wire() as wire:
        await wire.send(request(b"", headers) + chunked(form(image(small_jpeg), *junk, INSTRUCTIONS)))
        answer = await wire.answer()
    assert (answer.status, answer.body["code"]) == (413, "body_too_large")


async def test_image_with_trailing_bytes_and_webp_are_accepted(server: UploadServer) -> None:
    parts = [image(with_tail(photo("rocket.jpg"))), image(webp(), filename="b.gif")]
    answer = await server.submit(*parts, INSTRUCTIONS)
    assert answer.status == 202


@pytest.mark.parametrize("width", ["é", "東", "🌆"])
async def test_instructions_length_counts_code_points(server: UploadServer, small_jpeg: bytes, width: str) -> None:
    text = json.dumps({"prompt": width * 986}, ensure_ascii=False)
    assert len(text) == 1000
    answer = await server.submit(image(small_jpeg), said(text))
    assert (answer.status, answer.body["instructions"]) == (202, text)


@pytest.mark.parametrize(
    "names",
    [
        ("example_images[]", "example_images[]"),
        ("example_images[0]", "example_images[1]"),
        ("files[]", "files[12]"),
        ("example_images", "files[]"),
    ],
)
async def test_list_names_of_axios_and_php_are_the_names_of_the_lists(
    server: UploadServer, small_jpeg: bytes, names: tuple[str, str]
) -> None:
    events = [part("webhook_events_filter[]", b"completed"), part("webhook_events_filter[1]", b"start")]
    answer = await server.submit(*(image(small_jpeg, name) for name in names), INSTRUCTIONS, *events)
    assert (answer.status, answer.body["read"]) == (202, [len(small_jpeg)] * 2)
    assert answer.body["webhook_events_filter"] == ["completed", "start"]


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([part("image", GOOD, "a.png"), INSTRUCTIONS], ["'image'", "example_images"]),
        ([part("example_images[a]", GOOD, "a.png"), INSTRUCTIONS], ["'example_images[a]'"]),
        ([part("é" * 999, GOOD, "a.png"), INSTRUCTIONS], ["'\\xe9"]),
        ([image(GOOD), part("instructions[prompt]", b"a city")], ["'instructions[prompt]'", "JSON object"]),
    ],
)
async def test_a_missing_field_is_told_which_fields_came(
    server: UploadServer, parts: list[bytes], told: list[str]
) -> None:
    message = json.loads((await server.submit(*parts)).text)["detail"][0]["msg"]
    assert message.startswith("field required; there came ")
    assert len(message) < 400
    assert all(piece in message for piece in told), message


TEXT = '{"prompt": "Käse für „Ж“"}'
ENCODED = {
    "utf-8 with a mark": (TEXT.encode("utf-8-sig"), None),
    "utf-16 with a mark": (TEXT.encode("utf-16"), None),
    "utf-16 without a mark": (TEXT.encode("utf-16-le"), None),
    "utf-32 without a mark": (TEXT.encode("utf-32-be"), None),
    "declared utf-8": (TEXT.encode(), "UTF-8"),
    "declared ascii that is utf-8": (TEXT.encode(), "US-ASCII"),
    "declared utf-16": (TEXT.encode("utf-16"), "utf-16"),
    "a mark against the declaration": (TEXT.encode("utf-8-sig"), "iso-8859-1"),
    "windows-1251": (TEXT.replace("ä", "a").replace("ü", "u").encode("cp1251"), "windows-1251"),
    "iso-8859-1 as browsers mean it": (TEXT.replace("Ж", "").encode("cp1252"), "ISO-8859-1"),
    "an unknown charset that is utf-8": (TEXT.encode(), "x-klingon"),
    "gb18030": (TEXT.encode("gb18030"), '"gb18030"'),
    "shift_jis": ('{"prompt": "港"}'.encode("shift_jis"), "Shift_JIS"),
}


@pytest.mark.parametrize("name", ENCODED)
@pytest.mark.parametrize("way", ["part", "_charset_"])
async def test_a_text_is_read_in_the_charset_of_its_part(server: UploadServer, name: str, way: str) -> None:
    raw, charset = ENCODED[name]
    headers = {"Content-Type": f"text/plain; charset={charset}"} if charset and way == "part" else {}
    default = [part("_charset_", charset.strip('"').encode())] if charset and way == "_charset_" else []
    answer = await server.submit(*default, part("instructions", raw, headers=headers), image(GOOD))
    assert answer.status == 202, answer.text
    seen = json.loads(str(answer.body["instructions"]))["prompt"]
    assert seen in {"Käse für „Ж“", "Kase fur „Ж“", "Käse für „“", "港"}


async def test_metadata_and_webhook_are_decoded_alike(server: UploadServer) -> None:
    texts = [
        part("metadata", '{"a": "é"}'.encode("utf-16")),
        part("webhook", "https://example.com/".encode("utf-8-sig")),
    ]
    answer = await server.submit(image(GOOD), INSTRUCTIONS, *texts)
    assert (answer.body["metadata"], answer.body["webhook"]) == ({"a": "é"}, "https://example.com/")


@pytest.mark.parametrize(
    ("field_name", "raw", "charset", "told"),
    [
        ("instructions", '{"prompt": "é"}'.encode("latin-1"), None, "byte 12 (0xe9) is not valid utf-8; send UTF-8"),
        ("instructions", '{"prompt": "é"}'.encode("latin-1"), "utf-8", "byte 12 (0xe9) is not valid utf-8"),
        ("instructions", b'{"prompt": "\xe9"}', "klingon", "and the charset 'klingon' is not supported; send UTF-8"),
        ("metadata", b'{"a": "\xff"}', None, "byte 7 (0xff) is not valid utf-8"),
    ],
)
async def test_a_text_that_cannot_be_decoded_is_told_why(
    server: UploadServer, field_name: str, raw: bytes, charset: str | None, told: str
) -> None:
    headers = {"Content-Type": f"text/plain; charset={charset}"} if charset else {}
    others = [image(GOOD), *([INSTRUCTIONS] if field_name != "instructions" else [])]
    answer = await server.submit(*others, part(field_name, raw, headers=headers))
    assert answer.status == 422
    assert told in json.loads(answer.text)["detail"][0]["msg"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
async def test_a_json_body_may_have_a_byte_order_mark(server: UploadServer, encoding: str) -> None:
    sent = request('{"a": "é"}'.encode(encoding), {"Content-Type": "application/json"}, target="POST /json")
    answer = await server.ask(sent)
    assert (answer.status, answer.body) == (200, {"a": "é"})


async def test_a_json_body_that_is_no_utf_8_is_told_so(server: UploadServer) -> None:
    sent = request('{"a": "é"}'.encode("latin-1"), {"Content-Type": "application/json"}, target="POST /json")
    message = json.loads((await server.ask(sent)).text)["detail"][0]["msg"]
    assert message == "Invalid JSON format: byte 7 (0xe9) is not valid utf-8; send UTF-8"
