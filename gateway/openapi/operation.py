"""One operation of the API: the route of a handler, and what the OpenAPI document says about it."""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel

from domain.errors import ErrorCode
from gateway.http.answers import Error, Problem
from gateway.http.known_query import with_known_query
from gateway.http.parsing import names_of

Caller = Literal[
    "public", "account", "account_reader", "submission", "end_user", "developer", "operator", "auditor", "reader",
    "eraser", "holder", "program", "ticket", "link",
]  # fmt: skip
Handler = TypeVar("Handler", bound=Callable[..., Awaitable[web.StreamResponse]])

ERRORS: Final[Mapping[str, Any]] = {"application/json": Error, "application/problem+json": Problem}
_PATTERN = re.compile(r":[^/]*\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """A decorator of the method that handles it: `@get(PROJECT, "developer", answer=Project)`.

    `body` and `query` are what is read; `answer` is the type of the answer, or maps media types to types, None where
    no type fits. `summary` is the first line of the handler's docstring unless it is given, `description` what follows
    it. `aliases` are further paths, `also` are further answers by status, some with types in `also_answers`, `codes`
    error codes beside those that follow from the caller and from what is read, `errors` the types of errors by media
    type, where they have another form, `error_statuses` those of them that have another status. Operations that write
    refuse other query parameters unless `any_query` is set.
    """

    method: Literal["get", "post", "put", "patch", "delete"]
    route: str
    caller: Caller
    status: int = 200
    summary: str = ""
    description: str = ""
    body: type[BaseModel] | Mapping[str, Any] | None = None
    query: type[BaseModel] | Sequence[str] = ()
    any_query: bool = False
    answer: Any = None
    optional_body: bool = False
    headers: Sequence[str] = ()
    also: Mapping[int, str] = field(default_factory=dict)
    also_answers: Mapping[int, Any] = field(default_factory=dict)
    codes: Sequence[ErrorCode] = ()
    aliases: Sequence[str] = ()
    errors: Mapping[str, Any] = field(default_factory=lambda: ERRORS)
    error_statuses: Mapping[int, int] = field(default_factory=dict)
    expect_handler: Callable[[web.Request], Awaitable[None]] | None = None

    def __call__(self, handler: Handler) -> Handler:
        first, _, others = inspect.cleandoc(handler.__doc__ or "").partition("\n")
        summary, description = self.summary or first.removesuffix("."), others.strip()
        described = replace(self, summary=summary, description=description, aliases=())
        served = [replace(described, route=route) for route in (self.route, *self.aliases)]
        vars(handler)["operations"] = [*served, *getattr(handler, "operations", ())]
        return handler

    @property
    def path(self) -> str:
        """The path without regular expressions."""
        return _PATTERN.sub("}", self.route)

    @property
    def query_names(self) -> tuple[str, ...]:
        """The query parameters that it knows."""
        return names_of(self.query) if isinstance(self.query, type) else tuple(self.query)

    def checked(self, handler: Callable[..., Awaitable[web.StreamResponse]]) -> Callable[..., Any]:
        """Return a handler that refuses what the operation would ignore."""
        if self.method == "get" or self.any_query:
            return handler
        return with_known_query(handler, self.query_names)


get = partial(Operation, "get")
post = partial(Operation, "post")
put = partial(Operation, "put")
patch = partial(Operation, "patch")
delete = partial(Operation, "delete")


def operations_of(routes: type) -> Iterator[tuple[str, Operation]]:
    """Give the name of each handler in a class of routes with its operations, in the order of the class."""
    return ((name, one) for name, member in vars(routes).items() for one in getattr(member, "operations", ()))


def route_table(routes: object) -> list[web.RouteDef]:
    """List the methods, paths and handlers of a class of routes."""
    return [
        web.route(one.method.upper(), one.route, one.checked(getattr(routes, name)), expect_handler=one.expect_handler)
        for name, one in operations_of(type(routes))
    ]
