"""Count requests, and measure the time until each is answered."""

import asyncio
import time
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.metrics import REQUEST_SECONDS, REQUESTS
from metrics.metric import OTHER
from metrics.metrics import Metrics

_BEGAN: Final = web.RequestKey("measured_since", float)
_CLIENT_LEFT: Final = "499"


def install_request_metrics(app: web.Application, metrics: Metrics) -> None:
    """Measure every request of an application up to the header of its response, so that streams count once, too."""

    @web.middleware
    async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[_BEGAN] = time.perf_counter()
        try:
            return await handler(request)
        except (ConnectionError, asyncio.CancelledError):
            if request.pop(_BEGAN, None) is not None:
                metrics.count(REQUESTS, request.method, _route(request), _CLIENT_LEFT)
            raise

    async def note(request: web.Request, response: web.StreamResponse) -> None:
        if (began := request.pop(_BEGAN, None)) is not None:
            route = _route(request)
            metrics.count(REQUESTS, request.method, route, str(response.status))
            metrics.observe(REQUEST_SECONDS, time.perf_counter() - began, request.method, route)

    app.middlewares.insert(0, measure)
    app.on_response_prepare.append(note)


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else OTHER
