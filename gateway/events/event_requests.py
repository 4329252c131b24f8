"""Options of requests for events: position, format and wait."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

from aiohttp import web

from domain.errors import invalid_field
from gateway.events.sse import CONTENT_TYPE, LINES_TYPE, json_line
from gateway.http.parsing import media_weights, query_value
from gateway.openapi.operation import get

Format = Literal["sse", "ndjson", "json"]

LONGEST_WAIT = 60  # seconds
_FORMATS: Mapping[str, Format] = {
    CONTENT_TYPE: "sse",
    LINES_TYPE: "ndjson",
    "application/json": "json",
    "application/*": "json",
    "*/*": "json",
}
get_events = partial(get, caller="ticket", headers=("Last-Event-ID",), also={204: "No event can follow"})
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept"}


def by_accept(page: type) -> Mapping[str, Any]:
    """Describe the answers of a route of events, whose page is an object of this type."""
    return {CONTENT_TYPE: None, LINES_TYPE: None, "application/json": page}


def requested_position(request: web.Request) -> str | None:
    """Read the position to resume from; the header, which a reconnect updates, comes first."""
    return request.headers.get("Last-Event-ID") or query_value(request, "after")


def requested_format(request: web.Request) -> Format:
    """Choose by Accept: the highest weight, then the first named; JSON for HEAD or when none fits."""
    weights = media_weights(request.headers.get("Accept", ""))
    known = [media_type for media_type, weight in weights.items() if weight > 0 and media_type in _FORMATS]
    if request.method == "HEAD" or not known:
        return "json"
    return _FORMATS[max(known, key=lambda media_type: weights[media_type])]


def requested_wait(request: web.Request) -> int:
    """Read `wait`, 1 to 60 seconds; 0 when it was not sent."""
    return integer_parameter(request, "wait", default=0, most=LONGEST_WAIT)


def integer_parameter(request: web.Request, name: str, *, default: int, most: int) -> int:
    """Read a number from 1 to `most` in the query; raises FieldError for anything else."""
    if (text := request.query.get(name)) is None:
        return default
    number = parse_integer(text)
    if number is None or not 1 <= number <= most:
        raise invalid_field("query", name, f"must be a number from 1 to {most}")
    return number


def preferred_wait(request: web.Request) -> int | None:
    """Read `Prefer: wait=n` (RFC 7240), at most a minute; None without a valid one."""
    for name, value in _preferences(request):
        seconds = parse_integer(value)
        if name == "wait" and seconds:
            return min(seconds, LONGEST_WAIT)
    return None


def prefers_queue(request: web.Request) -> bool:
    """Tell whether a submission shall wait for a slot where none is free: `Prefer: queue`."""
    return ("queue", "") in _preferences(request)


def _preferences(request: web.Request) -> Iterator[tuple[str, str]]:
    """List the preferences of a request (RFC 7240) by name and value, without their parameters."""
    for preference in ",".join(request.headers.getall("Prefer", ())).split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        yield name.strip().lower(), value.strip().strip('"')


def parse_integer(text: str) -> int | None:
    """Read at most ten decimal digits; None for other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def page_response(
    event_format: Format, events: Iterable[Mapping[str, Any]], members: Mapping[str, Any], *, reset: bool
) -> web.Response:
    """Respond with events as lines, or as one JSON object with these members.

    `reset`: the requested position is unknown, and the events are those from the beginning.
    """
    if event_format == "ndjson":
        first = [{"type": "reset", "data": {"reason": "unknown_position"}}] if reset else []
        text = "".join(f"{json_line(event)}\n" for event in (*first, *events))
        return web.Response(text=text, content_type=LINES_TYPE, headers=_HEADERS)
    body = {"events": list(events), **members} | ({"reset": True} if reset else {})
    return web.json_response(body, headers=_HEADERS)
