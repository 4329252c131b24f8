"""What a reader of events asks for: from where on, and how long it is willing to wait."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from domain.errors import ErrorCode, FieldError
from gateway.events.sse import Form, form_of, line_of

LONGEST_WAIT = 60
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept"}


def asked_position(request: web.Request) -> str | None:
    """Read the position to resume behind; the header, which is fresher after a reconnect, comes first."""
    return request.headers.get("Last-Event-ID") or request.query.get("after")


def asked_form(request: web.Request) -> Form:
    """Choose the form of the answer; HEAD opens no stream."""
    return "json" if request.method == "HEAD" else form_of(request.headers.get("Accept", ""))


def version_of(text: str) -> int | None:
    """Read a position as a version; None for what cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def asked_wait(request: web.Request) -> int:
    """Read `wait`, 1 to 60 seconds; 0 when it was not sent."""
    return asked_number(request, "wait", default=0, most=LONGEST_WAIT)


def asked_number(request: web.Request, name: str, *, default: int, most: int) -> int:
    """Read a number from 1 to `most`."""
    text = request.query.get(name)
    if text is None:
        return default
    number = version_of(text)
    if number is None or not 1 <= number <= most:
        raise FieldError(
            ErrorCode.INVALID_REQUEST, ("query", name), f"must be a number from 1 to {most}", "value_error"
        )
    return number


def preferred_wait(request: web.Request) -> int | None:
    """Read `Prefer: wait=n` (RFC 7240), at most a minute; None when there is none that makes sense."""
    for preference in ",".join(request.headers.getall("Prefer", ())).split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        seconds = version_of(value.strip().strip('"'))
        if name.strip().lower() == "wait" and seconds:
            return min(seconds, LONGEST_WAIT)
    return None


def page_of(body: Mapping[str, Any], events: Iterable[Mapping[str, Any]], *, reset: bool) -> web.Response:
    """Answer events as one JSON object; `reset`: the position was unknown, so this is from the beginning."""
    whole = {"events": list(events), **body} | ({"reset": True} if reset else {})
    return web.json_response(whole, headers=_HEADERS)


def lines_of(events: Iterable[Mapping[str, Any]], *, reset: bool) -> web.Response:
    """Answer events as one JSON object a line."""
    first = [{"type": "reset", "data": {"reason": "unknown_position"}}] if reset else []
    text = "".join(f"{line_of(event)}\n" for event in (*first, *events))
    return web.Response(text=text, content_type="application/x-ndjson", headers=_HEADERS)
