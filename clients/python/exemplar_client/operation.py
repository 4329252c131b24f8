"""One operation of the API, called as a method of a client's `api`.

Values of the path come first, in its order; `json`, `data`, `files` and `headers` are what httpx takes; every other
name is a parameter of the query: `client.api.list_projects_users(page=2)`. The answer is what the service sends: JSON
as Python objects, other text as text, pictures as bytes, None where there is nothing.
"""

import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, overload
from urllib.parse import quote

import httpx

from exemplar_client.flow import Call, Flow
from exemplar_client.runner import BaseAsyncClient, BaseClient

_NAMED = re.compile(r"\{(\w+)\}")
_TEXTS = ("text/", "application/x-ndjson")
_BODIES = ("json", "data", "files")

AnyClient = BaseClient | BaseAsyncClient


class SyncApi:
    """The operations of a Client."""

    def __init__(self, client: BaseClient) -> None:
        self.client = client


class AsyncApi:
    """The operations of an AsyncClient, to be awaited."""

    def __init__(self, client: BaseAsyncClient) -> None:
        self.client = client


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, called as a method of either client's `api`."""

    method: str
    path: str

    @overload
    def __get__(self, api: None, owner: type) -> "Operation": ...
    @overload
    def __get__(self, api: SyncApi, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, api: AsyncApi, owner: type) -> Callable[..., Coroutine[Any, Any, Any]]: ...
    def __get__(self, api: Any, owner: type) -> Any:
        return self if api is None else partial(_perform, api.client, self)

    def flow(
        self, client: BaseClient | BaseAsyncClient, values: tuple[object, ...], named: dict[str, Any]
    ) -> Flow[Any]:
        """Send the request and read its answer."""
        headers: Mapping[str, str] = {**client.requests.credentials.submission_headers, **(named.pop("headers", {}))}
        sent: dict[str, Any] = {name: named.pop(name) for name in _BODIES if name in named}
        params = {name: value for name, value in named.items() if value is not None}
        repeatable = self.method != "POST" or "Idempotency-Key" in headers
        call = Call(self.method, self.at(*values), headers, {**sent, "params": params}, repeatable)
        return _content((yield from client.requests.send(call)))

    def at(self, *values: object) -> str:
        """Put values into the path; raises TypeError that names those that are wanted."""
        names = _NAMED.findall(self.path)
        if len(values) != len(names):
            raise TypeError(f"{self.method} {self.path} takes {', '.join(names) or 'no value'}")
        given = iter(values)
        return _NAMED.sub(lambda _: quote(str(next(given)), safe=""), self.path)


def _perform(client: AnyClient, operation: Operation, *values: object, **named: Any) -> Any:
    return client.perform(operation.flow(client, values, named))


def _content(response: httpx.Response) -> Any:
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if not response.content:
        return None
    if kind.endswith("json") and not kind.startswith(_TEXTS):
        return response.json()
    return response.text if kind.startswith(_TEXTS) else response.content


get, post, put = partial(Operation, "GET"), partial(Operation, "POST"), partial(Operation, "PUT")
patch, delete = partial(Operation, "PATCH"), partial(Operation, "DELETE")
