"""The routes of Replicate's API that read: predictions, model, account, webhook secret; and the cancel."""

from datetime import datetime

from aiohttp import web

from sandbox import catalogue
from sandbox.account import ACCOUNT, base_of
from sandbox.predictions import Prediction
from sandbox.problems import ProblemError, not_found


def found_prediction(request: web.Request) -> Prediction:
    prediction = request.app[ACCOUNT].record.get(request.match_info["id"])
    if prediction is None:
        raise not_found("The requested prediction does not exist")
    return prediction


async def show(request: web.Request) -> web.Response:
    return web.json_response(found_prediction(request).body(request.app[ACCOUNT].clock()))


async def cancel(request: web.Request) -> web.Response:
    prediction = found_prediction(request)
    request.app[ACCOUNT].runner.cancel(prediction)
    return web.json_response(prediction.body(request.app[ACCOUNT].clock()))


async def list_predictions(request: web.Request) -> web.Response:
    """Answer one page, newest first; `next` leads to the older ones and keeps the filters."""
    account = request.app[ACCOUNT]
    if request.query.get("source") == "web":
        return web.json_response({"next": None, "previous": None, "results": []})
    since, until = _time(request, "created_after"), _time(request, "created_before")
    try:
        page = account.record.page(since=since, until=until, cursor=request.query.get("cursor"))
    except ValueError as error:
        raise ProblemError(422, str(error)) from None
    now = account.clock()
    return web.json_response(
        {
            "next": _page_url(request, page.older),
            "previous": _page_url(request, page.newer),
            "results": [prediction.body(now) for prediction in page.items],
        }
    )


def _time(request: web.Request, name: str) -> datetime | None:
    """Parse an ISO 8601 time; raise ProblemError 422 without an offset."""
    text = request.query.get(name)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise ProblemError(422, f"{name} must be an ISO 8601 date-time with an offset, such as 2026-01-31T12:00:00Z")
    return time


def _page_url(request: web.Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    path = request.rel_url.update_query(cursor=cursor)
    return f"{base_of(request)}{path}"


def known_model(request: web.Request) -> None:
    if f"{request.match_info['owner']}/{request.match_info['name']}" != catalogue.MODEL:
        raise not_found("The requested model does not exist")


async def show_model(request: web.Request) -> web.Response:
    known_model(request)
    return web.json_response(catalogue.model(base_of(request)))


async def list_versions(request: web.Request) -> web.Response:
    known_model(request)
    return web.json_response(catalogue.versions())


async def show_version(request: web.Request) -> web.Response:
    known_model(request)
    if request.match_info["id"] not in catalogue.VERSIONS:
        raise not_found("The requested version does not exist")
    return web.json_response(catalogue.version(request.match_info["id"]))


async def show_account(_: web.Request) -> web.Response:
    return web.json_response({"type": "organization", "username": "sandbox", "name": "Sandbox", "github_url": None})


async def secret(request: web.Request) -> web.Response:
    return web.json_response({"key": request.app[ACCOUNT].secret})
