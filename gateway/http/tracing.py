"""One span for each request, from which all that it leads to is traced."""

from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from domain.paths import HEALTH
from gateway.http.request_ids import sent_traceparent, set_traceparent
from store.tracing import Span, Tracer

_UNTRACED: Final = ("/health", HEALTH)


def trace_requests(app: web.Application, tracer: Tracer) -> None:
    """Trace every request of an application but probes, if anything is traced."""
    if tracer.enabled:
        app.middlewares.insert(0, _middleware_of(tracer))


def _middleware_of(tracer: Tracer) -> Middleware:
    @web.middleware
    async def trace_request(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(_UNTRACED):
            return await handler(request)
        method, route = _method_of(request), _route_of(request)
        about = {"http.request.method": method, "http.route": route}
        parent = sent_traceparent(request)
        with tracer.span(f"{method} {route}", "server", parent=parent, attributes=about) as span:
            set_traceparent(request, tracer.traceparent())
            try:
                response = await handler(request)
            except web.HTTPException as error:
                _note_status(span, error.status)
                raise
            _note_status(span, response.status)
            return response

    return trace_request


def _method_of(request: web.Request) -> str:
    """Return the method, which a client may choose freely, if it is one of HTTP's."""
    return request.method if request.method in hdrs.METH_ALL else "_OTHER"


def _route_of(request: web.Request) -> str:
    """Return the pattern of the path, which has no ids in it."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


def _note_status(span: Span, status: int) -> None:
    span.note({"http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))
