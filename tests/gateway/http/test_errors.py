import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from domain.errors import ErrorCode, ExemplarError, FieldError, LimitError
from events.catalogue import UnknownEventError
from gateway.http.error_mapping import HTTP_ERRORS
from gateway.http.errors import error_response, errors_middleware, wants_problem
from gateway.http.request_ids import install_request_ids, request_id_of
from store.errors import OutcomeUnknownError, StoreUnavailableError

CONTRACT = [
    (ErrorCode.TOO_MANY_IMAGES, 422, "Maximum 5 example images allowed"),
    (ErrorCode.IMAGE_TOO_LARGE, 413, "File size exceeds maximum allowed size of 10MB"),
    (ErrorCode.IMAGE_DIMENSIONS, 422, "Image dimensions exceed the maximum allowed size"),
    (ErrorCode.IMAGE_FORMAT, 422, "Invalid file format. Supported formats: JPEG, PNG, WebP"),
    (ErrorCode.INSTRUCTIONS_LENGTH, 422, "Instructions must be between 1 and 1000 characters"),
    (ErrorCode.INVALID_CREDENTIALS, 401, "Could not validate credentials"),
    (ErrorCode.INVALID_LOGIN, 401, "Incorrect email or password"),
    (ErrorCode.ROLE_HEADER_REQUIRED, 403, "X-User-Role header is required"),
    (ErrorCode.FORBIDDEN, 403, "Insufficient permissions for this operation"),
    (ErrorCode.INVALID_DEVELOPER_KEY, 403, "Invalid or revoked developer key"),
]
LIMITS = [
    (ErrorCode.GENERATION_LIMIT, "AI generation rate limit exceeded. Try again later."),
    (ErrorCode.REQUEST_LIMIT, "API rate limit exceeded. Try again later."),
]


def body_of(response: web.Response) -> dict[str, object]:
    assert response.text is not None
    return dict(json.loads(response.text))


@pytest.mark.parametrize(("code", "status", "detail"), CONTRACT)
def test_an_error_has_the_documented_status_and_text(code: ErrorCode, status: int, detail: str) -> None:
    response = error_response(ExemplarError(code), request_id="r-1")
    assert (response.status, response.content_type) == (status, "application/json")
    assert body_of(response) == {"detail": detail, "code": code.value, "request_id": "r-1"}
    assert response.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)


@pytest.mark.parametrize(("code", "detail"), LIMITS)
def test_a_limit_error_has_its_retry_time_in_header_and_body(code: ErrorCode, detail: str) -> None:
    response = error_response(LimitError(code, 3600), request_id="r-1")
    assert (response.status, response.headers["Retry-After"]) == (429, "3600")
    assert body_of(response) == {
        "detail": detail,
        "code": code.value,
        "retry_after": 3600,
        "request_id": "r-1",
    }


def test_a_field_error_has_the_location_of_the_field() -> None:
    error = FieldError(ErrorCode.INSTRUCTIONS_JSON, ("body", "instructions"), "Invalid JSON format", "v.json")
    assert body_of(error_response(error, request_id="r"))["detail"] == [
        {"loc": ["body", "instructions"], "msg": "Invalid JSON format", "type": "v.json"}
    ]


def test_every_code_has_a_status_and_a_text() -> None:
    assert HTTP_ERRORS.keys() == set(ErrorCode)
    assert all(400 <= error.status < 600 and error.detail for error in HTTP_ERRORS.values())


@pytest.mark.parametrize("code", [code for code, error in HTTP_ERRORS.items() if error.status == 503])
def test_a_temporary_error_has_a_retry_after(code: ErrorCode) -> None:
    response = error_response(ExemplarError(code), request_id="r", members={"id": "g-1"})
    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0
    assert body_of(response)["id"] == "g-1"


def test_problem_details_carry_the_same_members() -> None:
    error = FieldError(ErrorCode.INVALID_METADATA, ("body", "metadata"), "no object", "type_error.dict")
    response = error_response(error, request_id="r", accept="application/problem+json")
    assert response.content_type == "application/problem+json"
    assert body_of(response) == {
        "type": "/docs/errors#invalid_metadata",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "body.metadata: no object",
        "errors": [
            {"loc": ["body", "metadata"], "code": "invalid_metadata", "msg": "no object", "type": "type_error.dict"}
        ],
        "code": "invalid_metadata",
        "request_id": "r",
    }


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/problem+json", True),
        ("text/html, Application/Problem+JSON;q=0.9", True),
        ("application/problem+json, application/json", True),
        ("application/json, application/problem+json;q=0.5", False),
        ("application/problem+json;q=0", False),
        ("application/problem+json;q=x", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_problem_details_are_chosen_by_the_accept_header(accept: str, wanted: bool) -> None:
    assert wants_problem(accept) is wanted


RAISED: dict[str, tuple[BaseException, int, str]] = {
    "rule": (ExemplarError(ErrorCode.GONE), 410, "gone"),
    "store": (StoreUnavailableError("mongodb://user:secret@host"), 503, "store_unavailable"),
    "event of a newer version": (UnknownEventError("no event 'generation.moved'"), 503, "server_busy"),
    "unknown": (OutcomeUnknownError("x"), 503, "store_unavailable"),
    "timeout": (TimeoutError(), 503, "server_busy"),
    "json": (json.JSONDecodeError("secret", "", 0), 422, "invalid_request"),
    "bug": (RuntimeError("secret"), 500, "internal_error"),
    "value": (ValueError("secret"), 500, "internal_error"),
    "bad": (web.HTTPBadRequest(text="secret"), 400, "invalid_request"),
    "large": (web.HTTPRequestEntityTooLarge(1, 2), 413, "body_too_large"),
    "down": (web.HTTPServiceUnavailable(), 503, "server_busy"),
    "broken": (web.HTTPInternalServerError(text="secret"), 500, "internal_error"),
}


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async def fail(request: web.Request) -> web.Response:
        raise RAISED[request.match_info["name"]][0]

    async def fine(request: web.Request) -> web.Response:
        return web.json_response({"bound": get_contextvars(), "id": request_id_of(request)})

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"begun")
        raise RuntimeError("too late")

    async def move(_: web.Request) -> web.Response:
        raise web.HTTPSeeOther("/fine")

    app = web.Application()
    install_request_ids(app)
    app.middlewares.append(errors_middleware)
    app.router.add_get("/fail/{name}", fail)
    app.router.add_get("/fine", fine)
    app.router.add_get("/stream", stream)
    app.router.add_get("/move", move)
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as session,
    ):
        yield session


@pytest.mark.parametrize("name", RAISED)
async def test_every_exception_becomes_a_response_without_secrets(client: httpx.AsyncClient, name: str) -> None:
    _, status, code = RAISED[name]
    response = await client.get(f"/fail/{name}", headers={"X-Request-ID": "from-the-client"})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["request_id"] == response.headers["X-Request-ID"] == "from-the-client"
    assert "secret" not in response.text
    assert ("Retry-After" in response.headers) is (status == 503)


async def test_a_bug_is_logged_with_its_trace(client: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        await client.get("/fail/bug")
    [line] = [line for line in lines if line["event"] == "request_failed"]
    assert isinstance(line["exc_info"], RuntimeError)


async def test_an_unknown_path_and_method_get_the_form_of_the_api(client: httpx.AsyncClient) -> None:
    missing = await client.get("/nowhere")
    assert (missing.status_code, missing.json()["detail"]) == (404, "Not found")
    wrong = await client.delete("/fine")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["Allow"]


async def test_a_redirect_is_not_an_error(client: httpx.AsyncClient) -> None:
    assert (await client.get("/move")).status_code == 303


async def test_a_response_that_fails_midway_is_cut_off(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/stream")


@pytest.mark.parametrize("sent", ["a", "x" * 128, "0f!~/"])
async def test_a_valid_request_id_is_kept_and_bound_to_the_log(client: httpx.AsyncClient, sent: str) -> None:
    response = await client.get("/fine", headers={"X-Request-ID": sent})
    assert response.headers["X-Request-ID"] == sent
    assert response.json() == {"bound": {"request_id": sent}, "id": sent}


@pytest.mark.parametrize("sent", ["", "x" * 129, "a b", "a\tb", "é"])
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    response = await client.get("/fine", headers={b"X-Request-ID": sent.encode()})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-ID"])
