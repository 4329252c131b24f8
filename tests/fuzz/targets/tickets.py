"""Tickets of event streams: none but the issued one opens anything, and that one opens one path."""

from typing import Any, Final
from urllib.parse import quote

from hypothesis import settings
from hypothesis import strategies as st

from domain.paths import GENERATION, GENERATIONS, PROJECT_EVENTS
from tests.fuzz.answers import ask
from tests.fuzz.mutation import spoilt_text
from tests.fuzz.service import Service
from tests.fuzz.target import Count, Target, Test, every

_OWN: Final = f"{GENERATION}/events"
_PATHS: Final = (_OWN, _OWN, _OWN, f"{GENERATIONS}/events", PROJECT_EVENTS)


def make(service: Service, count: Count, options: settings) -> Test:
    path = _OWN.format(**service.accounts.ids)
    issued = str(service.api.call("POST", f"{path}/ticket", service.accounts.end_user, 201)["ticket"])

    def check(service: Service, value: tuple[str, str]) -> None:
        template, ticket = value
        url = f"{template.format(**service.accounts.ids)}?ticket={quote(ticket, errors='surrogatepass')}"
        answer: Any = ask(service, "GET", url, {}, (200,))
        opened = template == _OWN and ticket == issued
        assert answer.status_code == 401 or opened, f"an altered ticket opens {url}"

    tickets = spoilt_text((issued,), ("A", "_", "-", "=", "%", "+", "/", "\0", "\u00e4", "\ud800", "a" * 2000))
    return every(st.tuples(st.sampled_from(_PATHS), tickets), check)(service, count, options)


TICKETS: Final = Target("tickets", 4, make)
