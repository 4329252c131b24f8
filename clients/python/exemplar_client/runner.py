"""Performing flows with httpx: waiting in a thread, or awaiting on an event loop."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Self, TypeVar

import httpx

from exemplar_client.credentials import Credentials, Keys, credentials_of
from exemplar_client.flow import Call, Discard, Flow, Pause, Renew, Send, Step
from exemplar_client.requests import Requests
from exemplar_client.retries import Retries

Result = TypeVar("Result")

_READ_S = 75.0  # a long poll may take a minute; an event stream sends a comment every 15 seconds
_TIMEOUT = httpx.Timeout(_READ_S, connect=10.0)


class BaseClient:
    """Performs flows and waits; threads may share it.

    Requests are retried after connection errors, 408, 429 and 5xx as `retries` says; a lasting failure is
    raised as a ClientError.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials | Keys,
        *,
        email: str | None = None,
        password: str | None = None,
        retries: Retries | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests = Requests(credentials_of(credentials, email, password), retries, clock)
        self.sleep = sleep
        self._http = httpx.Client(base_url=base_url.rstrip("/"), timeout=_TIMEOUT, follow_redirects=False)
        self._renewing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def perform(self, flow: Flow[Result]) -> Result:
        """Perform a flow to its end."""
        return self.run(flow)

    def run(self, flow: Flow[Result]) -> Result:
        """Perform a flow to its end."""
        try:
            step = next(flow)
            while True:
                try:
                    answer = self._perform(step)
                except httpx.TransportError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(answer)
        except StopIteration as done:
            result: Result = done.value
            return result

    def _perform(self, step: Step) -> Any:
        match step:
            case Send(call, headers):
                return self._http.send(_request(self._http, call, headers), stream=call.stream)
            case Pause(seconds):
                self.sleep(seconds)
            case Discard(response):
                response.close()
            case Renew(old):
                with self._renewing:
                    return self.run(self.requests.renewed(old))
        return None


class BaseAsyncClient:
    """Performs flows and awaits; the tasks of one event loop may share it."""

    def __init__(
        self,
        base_url: str,
        credentials: Credentials | Keys,
        *,
        email: str | None = None,
        password: str | None = None,
        retries: Retries | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests = Requests(credentials_of(credentials, email, password), retries, clock)
        self.sleep = sleep
        self._http = httpx.AsyncClient(base_url=base_url.rstrip("/"), timeout=_TIMEOUT, follow_redirects=False)
        self._renewing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    def perform(self, flow: Flow[Result]) -> Coroutine[Any, Any, Result]:
        """Perform a flow to its end."""
        return self.arun(flow)

    async def arun(self, flow: Flow[Result]) -> Result:
        """Perform a flow to its end."""
        try:
            step = next(flow)
            while True:
                try:
                    answer = await self._perform(step)
                except httpx.TransportError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(answer)
        except StopIteration as done:
            result: Result = done.value
            return result

    async def _perform(self, step: Step) -> Any:
        match step:
            case Send(call, headers):
                return await self._http.send(_request(self._http, call, headers), stream=call.stream)
            case Pause(seconds):
                await self.sleep(seconds)
            case Discard(response):
                await response.aclose()
            case Renew(old):
                async with self._renewing:
                    return await self.arun(self.requests.renewed(old))
        return None


def _request(http: httpx.Client | httpx.AsyncClient, call: Call, headers: Any) -> httpx.Request:
    return http.build_request(call.method, call.path, headers={**call.headers, **headers}, **call.sent)
