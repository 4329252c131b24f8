"""POST /v1/predictions: validate, create and respond, or fail as the armed faults say."""

import asyncio
import contextlib
import json
from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from sandbox import catalogue
from sandbox.account import ACCOUNT, Account, base_of
from sandbox.bodies import json_body
from sandbox.faults import Faults
from sandbox.inputs import body_errors, cancel_after, seconds_to_wait
from sandbox.predictions import Prediction
from sandbox.problems import (
    ProblemError,
    insufficient_credit,
    invalid_input,
    invalid_version,
    throttled,
    unauthenticated,
)

HANG_SECONDS: Final = 120
_BEFORE_201_SECONDS: Final = 15.0
_BAD_GATEWAY: Final = (
    "<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n"
)


async def create(request: web.Request) -> web.StreamResponse:
    account = request.app[ACCOUNT]
    body, version = await _validated(request)
    span = _deadline(request)
    faults = account.armed.take(str(body["input"].get("prompt", "")))
    asked = account.requests.add(faults)
    try:
        if (refusal := await _injected_refusal(request, faults)) is not None:
            return refusal
        prediction = account.create(body, version=version, base=base_of(request), faults=faults, cancel_after=span)
        if faults.create == "drop_after_commit":
            return _connection_dropped(request)
        if faults.webhook == "before_201" and prediction.webhook is not None:
            await account.sender.first_delivered(prediction, within=_BEFORE_201_SECONDS)
        return await _answer(request, account, prediction)
    finally:
        account.requests.answered(asked)


async def _validated(request: web.Request) -> tuple[dict[str, Any], str]:
    """Return the body and the version's id; raise ProblemError when either is not acceptable."""
    body = await json_body(request)
    wrong = list(body_errors(body))
    if wrong:
        raise invalid_input(wrong)
    version = catalogue.resolved(body["version"])
    if version is None:
        raise invalid_version()
    return body, version


def _deadline(request: web.Request) -> timedelta | None:
    header = request.headers.get("Cancel-After")
    if header is None:
        return None
    span = cancel_after(header)
    if span is None:
        raise ProblemError(422, "Cancel-After must be a duration of at least 5 seconds, such as 30s, 5m or 1h30m45s")
    return span


async def _injected_refusal(request: web.Request, faults: Faults) -> web.StreamResponse | None:
    """Return the response of an injected refusal, or None when the prediction is to be created."""
    match faults.create:
        case "401":
            raise unauthenticated()
        case "402":
            raise insufficient_credit()
        case "429":
            raise throttled(faults.retry_after)
        case "500":
            raise ProblemError(500, "Internal server error")
        case "html_502":
            return web.Response(status=502, text=_BAD_GATEWAY, content_type="text/html")
        case "hang":
            await asyncio.sleep(HANG_SECONDS)
            return _connection_dropped(request)
        case _:
            return None


def _connection_dropped(request: web.Request) -> web.Response:
    """Close the connection, so that what is returned never reaches the client."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _answer(request: web.Request, account: Account, prediction: Prediction) -> web.Response:
    wait = seconds_to_wait(request.headers.get("Prefer", ""))
    if wait is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(prediction.done.wait(), wait)
    text = json.dumps(prediction.body(account.clock()))
    if prediction.faults.create == "truncated":
        text = text[: len(text) // 2]
    return web.Response(
        status=201 if wait is None or prediction.status.final else 202,
        text=text,
        content_type="application/json",
        headers={} if wait is None else {"Preference-Applied": f"wait={wait}"},
    )
