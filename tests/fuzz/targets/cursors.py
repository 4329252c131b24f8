"""Positions to continue from: cursors of lists and feeds, `after`, `Last-Event-ID`, page numbers."""

from typing import Any, Final
from urllib.parse import urlencode

from hypothesis import settings
from hypothesis import strategies as st

from domain.paths import DEVELOPER, GENERATION, GENERATIONS, PROJECT_EVENTS, PROJECT_GENERATIONS, PROJECT_WEBHOOKS
from tests.fuzz.answers import ask
from tests.fuzz.mutation import spoilt_text
from tests.fuzz.service import Service
from tests.fuzz.target import Count, Target, Test, every

_PATHS: Final = {
    GENERATIONS: "end_user",
    f"{GENERATIONS}/events": "end_user",
    f"{GENERATION}/events": "end_user",
    PROJECT_EVENTS: "developer",
    PROJECT_GENERATIONS: "developer",
    f"{DEVELOPER}/history": "operator",
    f"{PROJECT_WEBHOOKS}/{{endpoint_id}}/deliveries": "developer",
}
_NAMES: Final = ("cursor", "after", "limit", "page", "per_page", "created_after", "status", "metadata.a")
_ACCEPTED: Final = ("*/*", "application/x-ndjson", "text/event-stream", "application/problem+json")


def make(service: Service, count: Count, options: settings) -> Test:
    samples = (*_cursors(service), "0", "1", "-1", "18446744073709551616", "2026-11-20T12:00:00Z")
    texts = spoilt_text(samples)
    query = st.lists(st.tuples(st.sampled_from(_NAMES), texts), max_size=3)
    inputs = st.tuples(st.sampled_from(sorted(_PATHS)), query, st.none() | texts, st.sampled_from(_ACCEPTED))
    return every(inputs, check)(service, count, options)


def _cursors(service: Service) -> list[str]:
    """Read a cursor of each kind."""
    call, accounts = service.api.call, service.accounts
    listed = call("GET", f"{GENERATIONS}?limit=1", accounts.end_user, 200)
    fed = call("GET", f"{GENERATIONS}/events?limit=1", accounts.end_user, 200)
    told = call("GET", f"{DEVELOPER.format(**accounts.ids)}/history?limit=1", accounts.headers["operator"], 200)
    return [text for text in (listed["next_cursor"], fed["cursor"], told["next_cursor"]) if text]


def check(service: Service, value: tuple[str, list[tuple[str, str]], str | None, str]) -> None:
    path, query, position, accept = value
    headers = {**service.accounts.headers[_PATHS[path]], "Accept": accept}
    if position is not None:
        headers["Last-Event-ID"] = header_text(position)
    options: dict[str, Any] = {"stream": True} if accept == "text/event-stream" else {}
    url = f"{path.format(**service.accounts.ids)}?{urlencode(query, errors='surrogatepass')}"
    answer = ask(service, "GET", url, headers, (200, 204), **options)
    answer.close()


def header_text(text: str) -> str:
    """Drop what no client can send in a header: line breaks, and blanks at its begin."""
    return "".join(character for character in text if character.isprintable() or character > "\x7f").lstrip()


CURSORS: Final = Target("cursors", 8, make)
