"""Causes of events: which request changed something, and on whose behalf."""

from aiohttp import web

from events.envelope import Cause
from gateway.http.request_ids import request_id_of


def cause_of(request: web.Request, actor: str) -> Cause:
    """Return the cause of the events of a request."""
    traceparent = request.headers.get("traceparent")
    return Cause(actor=actor, request_id=request_id_of(request), traceparent=traceparent)
