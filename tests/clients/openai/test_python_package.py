"""The official Python package of OpenAI against a running system."""

import base64
import hashlib
from typing import Any

import httpx
import pytest
from openai import APIError, AuthenticationError, BadRequestError, InternalServerError, NotFoundError, OpenAI

from tests.builders.pictures import jpeg
from tests.systems.system import System
from tests.systems.tenants import ONE, small


def resource(openai: OpenAI, generation: str) -> httpx.Response:
    """Read a generation with the client's own credentials."""
    headers = {"Authorization": f"Bearer {openai.api_key}"}
    return httpx.get(f"{str(openai.base_url).removesuffix('/v1/')}{ONE}/{generation}", headers=headers)


def test_images_become_a_picture(openai: OpenAI) -> None:
    answer = openai.images.edit(
        model="sdxl",
        image=[("one.jpg", small()), ("two.jpg", jpeg("chelsea.png", (64, 48)))],
        prompt="ein Café über den Dächern",
        n=1,
        size="auto",
        user="customer-7",
    )
    assert answer.data is not None
    [picture] = answer.data
    data = base64.b64decode(picture.b64_json or "")
    assert httpx.get(picture.url or "").content == data
    generation = resource(openai, answer.model_extra["id"] if answer.model_extra else "").json()
    assert generation["result"]["images"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    assert (generation["metadata"], len(generation["example_images"])) == ({"user": "customer-7"}, 2)
    assert generation["instructions"] == '{"prompt": "ein Café über den Dächern"}'


@pytest.mark.parametrize("wanted", ["url", "b64_json"])
def test_the_picture_comes_in_the_wanted_form(openai: OpenAI, wanted: str) -> None:
    answer = openai.images.edit(image=small(), prompt="a lighthouse", response_format=wanted)
    [picture] = answer.data
    assert {name for name, value in picture.to_dict().items() if value} == {wanted}


def test_a_stream_ends_with_the_picture(openai: OpenAI) -> None:
    events = list(openai.images.edit(image=small(), prompt="[sandbox:slow=1] a lighthouse", stream=True))
    *partial, done = events
    assert {event.type for event in partial} == {"image_edit.partial_image"}
    written: list[dict[str, Any]] = [event.to_dict() for event in partial]
    assert [one["partial_image_index"] for one in written] == list(range(len(partial)))
    assert [one["progress"] for one in written] == sorted({one["progress"] for one in written} | {0})
    assert base64.b64decode(partial[0].b64_json).startswith(b"\x89PNG")
    assert done.type == "image_edit.completed"
    generation = resource(openai, str(done.to_dict()["id"])).json()
    assert generation["result"]["images"][0]["sha256"] == hashlib.sha256(base64.b64decode(done.b64_json)).hexdigest()


def test_a_stream_without_partial_images_is_the_picture_alone(openai: OpenAI) -> None:
    [done] = openai.images.edit(image=small(), prompt="a lighthouse", stream=True, partial_images=0)
    assert done.type == "image_edit.completed"


def test_a_failure_is_an_error_with_its_own_code(openai: OpenAI) -> None:
    with pytest.raises(BadRequestError) as flagged:
        openai.images.edit(image=small(), prompt="[sandbox:nsfw] a lighthouse")
    assert (flagged.value.code, flagged.value.type) == ("content_flagged", "invalid_request_error")
    with pytest.raises(APIError) as streamed:
        list(openai.images.edit(image=small(), prompt="[sandbox:nsfw] a lighthouse", stream=True))
    assert streamed.value.code == "content_flagged"


def test_what_is_not_supported_is_refused_by_name(openai: OpenAI) -> None:
    with pytest.raises(BadRequestError) as mask:
        openai.images.edit(image=small(), prompt="a lighthouse", mask=small())
    assert (mask.value.param, mask.value.code) == ("mask", "invalid_request")
    assert "known: image, prompt, model" in mask.value.message
    with pytest.raises(BadRequestError) as several:
        openai.images.edit(image=small(), prompt=" ", n=2, size="1536x1024", quality="high")
    for name in ("quality: ", "prompt: ", "n: must be 1", "size: must be one of: auto, 160x120"):
        assert name in several.value.message
    for together, named in (
        ({"stream": True, "response_format": "url"}, "response_format"),
        ({"partial_images": 2}, "partial_images"),
    ):
        with pytest.raises(BadRequestError) as ignored:
            openai.images.edit(image=small(), prompt="a lighthouse", **together)
        assert ignored.value.param == named
    with pytest.raises(NotFoundError) as model:
        openai.images.edit(image=small(), prompt="a lighthouse", model="dall-e-2")
    assert (model.value.param, model.value.code) == ("model", "not_found")


def test_wrong_credentials_are_an_authentication_error(openai: OpenAI) -> None:
    with pytest.raises(AuthenticationError) as refused:
        openai.with_options(api_key="wrong").images.edit(image=small(), prompt="a lighthouse")
    assert (refused.value.code, bool(refused.value.request_id)) == ("invalid_credentials", True)


def test_a_client_that_cannot_wait_pays_once(openai: OpenAI) -> None:
    impatient = {"X-Stainless-Read-Timeout": "1"}
    with pytest.raises(InternalServerError) as left:
        openai.images.edit(image=small(), prompt="[sandbox:slow=2] slow", extra_headers=impatient)
    assert (left.value.status_code, left.value.code) == (504, "generation_unfinished")
    generation = left.value.body["generation_id"]
    assert resource(openai, generation).json()["status"] in ("pending", "processing", "completed")
    headers = {"Authorization": f"Bearer {openai.api_key}"}
    listed = httpx.get(f"{str(openai.base_url).removesuffix('/v1/')}{ONE}", headers=headers).json()
    assert [one["id"] for one in listed["generations"]] == [generation], "the package did not send it again"


def test_an_idempotency_key_makes_a_repeated_request_the_same_generation(openai: OpenAI) -> None:
    key = {"Idempotency-Key": "order-7"}
    first = openai.images.edit(image=small(), prompt="a lighthouse", extra_headers=key)
    again = openai.images.edit(image=small(), prompt="a lighthouse", extra_headers=key)
    assert first.to_dict()["id"] == again.to_dict()["id"]
    assert first.data == again.data
    with pytest.raises(BadRequestError) as other:
        openai.images.edit(image=small(), prompt="another", extra_headers=key)
    assert other.value.code == "idempotency_mismatch"


def test_the_model_is_listed(openai: OpenAI, solo: System) -> None:
    assert [model.id for model in openai.models.list()] == ["sdxl"]
    assert openai.models.retrieve("sdxl").owned_by == "stability-ai"
    with pytest.raises(NotFoundError):
        openai.models.retrieve("other")
    assert httpx.get(f"{solo.base_url}/v1/other").json()["error"]["code"] == "not_found"
