"""Requests with credentials, repeated where that is safe, as flows."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from exemplar_client.credentials import Credentials, Login, bearer
from exemplar_client.errors import ConnectionFailedError, error_of
from exemplar_client.flow import Call, Discard, Flow, Pause, Renew, Send
from exemplar_client.retries import Retries

UNAUTHORIZED = 401
LIMITED = 429  # such an answer says that nothing was done


class Requests:
    """The requests of one client, and its tokens."""

    def __init__(
        self, credentials: Credentials, retries: Retries | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.credentials, self.retries, self.clock = credentials, retries or Retries(), clock
        self._tokens: dict[str, str] = {}

    def send(self, call: Call) -> Flow[httpx.Response]:
        """Send a call, again after failures; raise its last error.

        What may not be repeated is sent again only where nothing was done: without a connection, and after a 429.
        """
        return (yield from self._retried(lambda: self.authorized(call), repeatable=call.repeatable))

    def json(self, method: str, path: str, **sent: Any) -> Flow[Any]:
        """Send a repeatable request and return the JSON of its answer."""
        return (yield from self.send(Call(method, path, sent=sent))).json()

    def authorized(self, call: Call) -> Flow[httpx.Response]:
        """Send once with the credentials; a login again with a new token after a 401."""
        if not isinstance(self.credentials, Login):
            response: httpx.Response = yield Send(call, self.credentials.headers)
            return response
        token: str = self._tokens.get("access_token") or (yield Renew(None))
        response = yield Send(call, bearer(token))
        if response.status_code != UNAUTHORIZED:
            return response
        yield Discard(response)
        token = yield Renew(token)
        response = yield Send(call, bearer(token))
        return response

    def renewed(self, old: str | None) -> Flow[str]:
        """Get new tokens, unless that was done since the old one was read; run by one caller at a time."""
        if self._tokens.get("access_token") == old and not (old and (yield from self._refreshed())):
            yield from self.log_in()
        return self._tokens["access_token"]

    def log_in(self) -> Flow[None]:
        """Get tokens for e-mail and password."""
        if not isinstance(self.credentials, Login):
            return
        body, headers = self.credentials.body, self.credentials.project_headers
        call = Call("POST", "/api/v1/auth/login", headers, {"json": body})
        self._tokens = (yield from self._retried(lambda: _sent(call))).json()

    def _refreshed(self) -> Flow[bool]:
        """Use the refresh token, which works once: after a lost response it is not sent again."""
        sent = {"refresh_token": self._tokens.pop("refresh_token", "")}
        try:
            response: httpx.Response = yield Send(Call("POST", "/api/v1/auth/refresh", sent={"json": sent}))
        except httpx.TransportError:
            return False
        if response.is_success:
            self._tokens = response.json()
        return response.is_success

    def _retried(self, send: Callable[[], Flow[httpx.Response]], *, repeatable: bool = True) -> Flow[httpx.Response]:
        failures = 0
        while True:
            response: httpx.Response | None = None
            failure: httpx.TransportError | None = None
            try:
                response = yield from send()
            except httpx.TransportError as error:
                failure = error
            if response is not None and not response.is_error:
                return response
            failures += 1
            again = repeatable or isinstance(failure, httpx.ConnectError) or _is_limited(response)
            yield Pause(self.pause(failures if again else self.retries.attempts, response, failure))

    def pause(
        self, failures: int, response: httpx.Response | None, failure: Exception | None, *, least: float = 0.0
    ) -> float:
        """Return the seconds until the next attempt, at least `least`; raise the error if there is none."""
        pause = self.retries.pause(failures, response)
        if pause is not None:
            return max(pause, least)
        if response is not None:
            raise error_of(response)
        raise ConnectionFailedError(f"No response after {failures} attempts: {failure}") from failure


def _sent(call: Call) -> Flow[httpx.Response]:
    response: httpx.Response = yield Send(call)
    return response


def _is_limited(response: httpx.Response | None) -> bool:
    return response is not None and response.status_code == LIMITED


def headers_of(more: Mapping[str, str | None]) -> dict[str, str]:
    """Leave out headers without a value."""
    return {name: value for name, value in more.items() if value is not None}
