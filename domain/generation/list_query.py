"""The query of a list: filters, and either a page number or a cursor."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, cast, get_args

from domain.errors import invalid_field
from domain.generation.generation import Status
from domain.generation.listing import SHOWN_STATES, Filters
from domain.moments import EXPECTED, parse_moment
from domain.submission.metadata import MAX_KEYS
from domain.submission.request_headers import parse_key

_LABEL: Final = "metadata."
LIST_PARAMETERS: Final = (
    "status", "state", "created_after", "created_before", "request_id", "idempotency_key", "page", "per_page",
    "cursor", "limit",
)  # fmt: skip
_REQUEST_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")

_refusal: Final = partial(invalid_field, "query")


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """A page by its number, from 1."""

    number: int
    per_page: int


@dataclass(frozen=True, slots=True)
class CursorPage:
    """At most `limit` rows after a cursor, which is still sealed; without one from the newest."""

    cursor: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A parsed query; an Idempotency-Key becomes an id once the user is known."""

    filters: Filters
    page: NumberedPage | CursorPage
    idempotency_key: str | None = None


def parse_list_query(pairs: Iterable[tuple[str, str]]) -> ListQuery:
    """Parse a query; unknown names are ignored. Raises FieldError for the first invalid value."""
    given = _once(pairs)
    key = given.get("idempotency_key")
    key = None if key is None else parse_key(key, "query", "idempotency_key")
    return ListQuery(_filters(given), _page(given), key)


def _once(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in pairs:
        if name == "metadata":
            raise _refusal(name, "write metadata.<key>=<value>")
        if name not in LIST_PARAMETERS and not name.startswith(_LABEL):
            continue
        if name in given:
            raise _refusal(name, "may be given once")
        given[name] = value
    return given


def _filters(given: Mapping[str, str]) -> Filters:
    return Filters(
        status=cast("Status | None", _choice(given, "status", get_args(Status))),
        state=_choice(given, "state", SHOWN_STATES),
        created_after=_moment(given, "created_after"),
        created_before=_moment(given, "created_before"),
        metadata=_metadata(given),
        request_id=_request_id(given),
    )


def _page(given: Mapping[str, str]) -> NumberedPage | CursorPage:
    if "cursor" not in given and "limit" not in given:
        number = _number(given, "page", default=1, most=100_000)
        return NumberedPage(number, _number(given, "per_page", default=20, most=100))
    for name in ("page", "per_page"):
        if name in given:
            raise _refusal(name, "goes with neither cursor nor limit")
    return CursorPage(given.get("cursor") or None, _number(given, "limit", default=20, most=100))


def _choice(given: Mapping[str, str], name: str, known: tuple[str, ...]) -> str | None:
    value = given.get(name)
    if value is None or value in known:
        return value
    raise _refusal(name, f"must be one of {', '.join(known)}")


def _moment(given: Mapping[str, str], name: str) -> datetime | None:
    if name not in given:
        return None
    moment = parse_moment(given[name])
    if moment is None:
        raise _refusal(name, EXPECTED)
    return moment


def _metadata(given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    asked = [(name.removeprefix(_LABEL), text) for name, text in given.items() if name.startswith(_LABEL)]
    if len(asked) > MAX_KEYS:
        raise _refusal(f"{_LABEL}{asked[-1][0]}", f"at most {MAX_KEYS} keys")
    return tuple(asked)


def _request_id(given: Mapping[str, str]) -> str | None:
    value = given.get("request_id")
    if value is None or _REQUEST_ID.fullmatch(value):
        return value
    raise _refusal("request_id", "must be 1 to 128 visible ASCII characters")


def _number(given: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    text = given.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= most:
        return int(text)
    raise _refusal(name, f"must be a number from 1 to {most}")
