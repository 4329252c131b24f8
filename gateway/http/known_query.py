"""Refuse what a writing operation would ignore: query parameters that it does not know."""

from collections.abc import Awaitable, Callable, Collection
from functools import wraps
from typing import Final

from aiohttp import web

from domain.errors import FieldError, FieldsError, invalid_field
from gateway.http.texts import named

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MOST_NAMED: Final = 16
"""Unknown parameters that a refusal names."""


def with_known_query(handler: Handler, known: Collection[str]) -> Handler:
    """Wrap a handler: a request with other query parameters is refused before it is authenticated."""

    @wraps(handler)
    async def checked(request: web.Request) -> web.StreamResponse:
        if request.query_string:
            _check(request, known)
        return await handler(request)

    return checked


def _check(request: web.Request, known: Collection[str]) -> None:
    wanted = f"known: {', '.join(known)}" if known else "this operation has none"
    unknown = [
        invalid_field("query", named(name), f"unknown query parameter; {wanted}", "value_error.extra")
        for name in dict.fromkeys(request.query)
        if name not in known
    ][:MOST_NAMED]
    if unknown:
        raise _refusal(unknown)


def _refusal(unknown: list[FieldError]) -> FieldError | FieldsError:
    return unknown[0] if len(unknown) == 1 else FieldsError(unknown)
