"""A request with several faults is told all of them; the answer is that of the first."""

import hashlib

from tests.builders.pictures import bomb_png
from tests.gateway.submissions.test_form_validation import INSTRUCTIONS, image
from tests.gateway.submissions.upload_server import Answer, UploadServer, part

EVENT = part("webhook_events_filter", b"explosion")


def located(answer: Answer) -> list[tuple[str, str]]:
    errors = answer.body["errors"]
    assert isinstance(errors, list)
    return [(".".join(map(str, error["loc"])), error["code"]) for error in errors]


async def test_every_fault_is_listed_in_the_order_of_the_rules(server: UploadServer, small_jpeg: bytes) -> None:
    answer = await server.submit(
        part("start_by", b"tomorrow"),
        EVENT,
        part("webhook", b"http://127.0.0.1/"),
        part("metadata", b"[]"),
        part("instructions", b'{"prompt": 7, "seed": -1, "width": 9, "composition": "spiral"}'),
        image(bomb_png()),
        image(b"GIF89a"),
        image(small_jpeg),
    )
    assert (answer.status, answer.contract) == (
        422,
        {"detail": "Invalid file format. Supported formats: JPEG, PNG, WebP"},
    )
    assert located(answer) == [
        ("body.example_images.1", "invalid_image_format"),
        ("body.example_images.0", "image_dimensions_exceeded"),
        ("body.instructions.prompt", "invalid_instructions_prompt"),
        ("body.instructions.composition", "invalid_instructions_value"),
        ("body.instructions.seed", "invalid_instructions_value"),
        ("body.instructions.width", "invalid_instructions_value"),
        ("body.metadata", "invalid_metadata"),
        ("body.webhook", "invalid_webhook"),
        ("body.webhook_events_filter", "invalid_webhook"),
        ("body.start_by", "invalid_request"),
    ]


async def test_malformed_hashes_are_listed_beside_a_picture_that_is_refused(
    server: UploadServer, small_jpeg: bytes
) -> None:
    expected = [part("expected_hash", text) for text in (b"0" * 64, b"zz", b"zz")]
    answer = await server.submit(image(b"GIF89a"), image(small_jpeg), *expected[:2], INSTRUCTIONS)
    assert located(answer) == [
        ("body.example_images.0", "invalid_image_format"),
        ("body.expected_hash", "invalid_request"),
    ]
    answer = await server.submit(*expected[1:], INSTRUCTIONS)
    assert [code for _, code in located(answer)] == ["missing_images", "invalid_request", "invalid_request"]


async def test_a_form_without_anything_misses_both_required_fields(server: UploadServer) -> None:
    answer = await server.submit(EVENT)
    assert located(answer)[:2] == [
        ("body.example_images", "missing_images"),
        ("body.instructions", "missing_instructions"),
    ]
    assert answer.body["code"] == "missing_images"


async def test_a_single_fault_is_listed_too(server: UploadServer, small_jpeg: bytes) -> None:
    answer = await server.submit(image(small_jpeg), part("instructions", b"{}"))
    assert located(answer) == [("body.instructions.prompt", "invalid_instructions_prompt")]


async def test_a_picture_that_is_not_the_expected_one_is_a_conflict(server: UploadServer, small_jpeg: bytes) -> None:
    expected = [hashlib.sha256(small_jpeg).hexdigest().encode(), b"0" * 64]
    hashes = [part("expected_hash[]", one) for one in expected]
    answer = await server.submit(image(small_jpeg), image(small_jpeg), INSTRUCTIONS, *hashes)
    assert (answer.status, answer.body["code"]) == (409, "hash_mismatch")
    assert located(answer) == [("body.expected_hash.1", "hash_mismatch")]
    alike = [part("expected_hash", expected[0])] * 2
    assert (await server.submit(image(small_jpeg), image(small_jpeg), INSTRUCTIONS, *alike)).status == 202


async def test_a_start_in_the_past_is_refused(server: UploadServer, small_jpeg: bytes) -> None:
    answer = await server.submit(image(small_jpeg), INSTRUCTIONS, part("start_by", b"2020-01-01T00:00:00Z"))
    assert located(answer) == [("body.start_by", "invalid_request")]
    assert "must be in the future" in answer.text


async def test_problem_details_list_the_same_faults(server: UploadServer) -> None:
    answer = await server.submit(EVENT, headers={"Accept": "application/problem+json"})
    assert answer.body["title"] == "Unprocessable Content"
    assert located(answer)[1] == ("body.instructions", "missing_instructions")
