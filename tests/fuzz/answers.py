"""What every answer of the gateway keeps to, whatever was sent."""

from collections.abc import Collection
from typing import Any, Final

import requests
from jsonschema import Draft202012Validator

from gateway.http.answers import Error
from gateway.openapi.schemas import Schemas
from tests.fuzz.accounts import Headers
from tests.fuzz.service import Service

TIMEOUT_S: Final = 100
_SCHEMAS: Final = Schemas()
_ERROR: Final = Draft202012Validator(
    {**_SCHEMAS.of(Error), "components": {"schemas": _SCHEMAS.components}},
)


def ask(
    service: Service, method: str, path: str, headers: Headers, expected: Collection[int] = (), **options: Any
) -> requests.Response:
    """Send an input; the answer is no error of the server, one of those expected, or a refusal as documented."""
    sent = {name: value.encode(errors="surrogatepass") for name, value in {**headers, **service.api.address()}.items()}
    with service.one_input():
        answer = service.api.session.request(
            method, service.api.base_url + path, headers=sent, timeout=TIMEOUT_S, **options
        )
    check_answer(answer, expected)
    return answer


def check_answer(answer: requests.Response, expected: Collection[int]) -> None:
    assert answer.status_code < 500, f"{answer.status_code}: {answer.text[:500]}"
    assert "X-Request-ID" in answer.headers, answer.headers
    if answer.status_code >= 400:
        _ERROR.validate(answer.json())
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    elif expected:
        assert answer.status_code in expected, f"{answer.status_code}: {answer.text[:500]}"
