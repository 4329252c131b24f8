"""What a client does, without doing it: a flow yields steps, and a client performs them, waiting or awaiting.

So every method is written once for both clients.
"""

from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass, field
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

import httpx

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `sent` is what httpx takes beside the headers. `repeatable`: sending it twice changes nothing."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, Any] = field(default_factory=dict)
    repeatable: bool = True
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send a call with more headers; the answer is an httpx.Response, or an httpx.TransportError is raised."""

    call: Call
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Discard:
    """Close a response that is not read."""

    response: httpx.Response


@dataclass(frozen=True, slots=True)
class Renew:
    """Get a token in place of an old one, unless that was done meanwhile; the answer is the token."""

    old: str | None


Step = Send | Pause | Discard | Renew
Flow = Generator[Step, Any, Result]


class SyncRunner(Protocol):
    """Performs flows and waits."""

    def run(self, flow: Flow[Result]) -> Result: ...


class AsyncRunner(Protocol):
    """Performs flows and awaits."""

    async def arun(self, flow: Flow[Result]) -> Result: ...


class Method(Generic[Parameters, Result]):
    """A method that is a flow: a decorator that lets both clients call it."""

    def __init__(self, flow: Callable[Concatenate[Any, Parameters], Flow[Result]]) -> None:
        self._flow = flow
        self.__doc__ = flow.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: SyncRunner, owner: type) -> Callable[Parameters, Result]: ...
    @overload
    def __get__(self, client: AsyncRunner, owner: type) -> Callable[Parameters, Coroutine[Any, Any, Result]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self

        def call(*values: Parameters.args, **named: Parameters.kwargs) -> Any:
            return client.perform(self._flow(client, *values, **named))

        return update_wrapper(call, self._flow)
