"""What the translation decides without a system: how long to wait, and the form of errors."""

import json

import pytest

from domain.errors import ErrorCode, ExemplarError, FailureCode, LimitError, invalid_field
from gateway.http.errors import error_response
from gateway.http.openai_errors import in_openai_form
from gateway.openai.answers import failed_error
from gateway.openai.client_timeout import wait_of
from tests.builders.generation import TO_REQUESTED, failed, folded


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 590),
        ({"X-Stainless-Read-Timeout": "600.0"}, 590),
        ({"X-Stainless-Timeout": "60"}, 57),
        ({"X-Stainless-Read-Timeout": "5"}, 4),
        ({"X-Stainless-Read-Timeout": "0.5"}, 0),
        ({"X-Stainless-Read-Timeout": "99999"}, 590),
        ({"X-Stainless-Read-Timeout": "-1", "X-Stainless-Timeout": "20"}, 19),
        ({"X-Stainless-Read-Timeout": "1e9"}, 590),
    ],
)
def test_the_answer_comes_before_the_client_gives_up(headers: dict[str, str], seconds: float) -> None:
    assert wait_of(headers) == pytest.approx(seconds)


def test_an_error_has_openais_form_and_its_own_code() -> None:
    faults = invalid_field("body", "n", "must be 1")
    faults.others = (ExemplarError(ErrorCode.IMAGE_FORMAT, loc=("body", "example_images", 1)),)
    response = in_openai_form(error_response(faults, request_id="r-1"))
    assert response.status == 400
    assert json.loads(response.text or "") == {
        "error": {
            "message": "n: must be 1; image: Invalid file format. Supported formats: JPEG, PNG, WebP",
            "type": "invalid_request_error",
            "param": "n",
            "code": "invalid_request",
        }
    }


def test_a_limit_keeps_its_retry_after() -> None:
    response = in_openai_form(error_response(LimitError(ErrorCode.GENERATION_LIMIT, 7), request_id="r-1"))
    assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert json.loads(response.text or "")["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize("code", FailureCode)
def test_every_failure_has_a_status_and_a_type(code: FailureCode) -> None:
    generation = folded((*TO_REQUESTED, failed(code.value, "completion")))
    assert generation.failure is not None
    status, error = failed_error(generation, generation.failure)
    assert status in (400, 409, 429, 502, 504)
    assert (error["code"], error["generation_id"], bool(error["message"])) == (code, generation.id, True)
    assert error["type"] == ("server_error" if status >= 500 else error["type"])
