"""Requests with a user's tokens, retried where that is safe."""

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from exemplar_client.errors import ConnectionFailedError, error_of, seconds_of

RETRIED = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """Exponential back-off with jitter.

    `attempts` counts the first request too. Pauses, in seconds, double from `first` up to `longest`, each
    shortened by up to a half so that clients spread. A Retry-After is obeyed, unless it is longer than
    `max_wait`: then the error is raised at once.
    """

    attempts: int = 6
    first: float = 0.5
    longest: float = 30.0
    max_wait: float = 60.0
    chance: Callable[[], float] = random.random

    def pause(self, failures: int, response: httpx.Response | None = None) -> float | None:
        """Return the pause after so many failures in a row, the last with this response; None: give up."""
        if failures >= self.attempts or (response is not None and response.status_code not in RETRIED):
            return None
        retry_after = seconds_of(response.headers.get("Retry-After")) if response is not None else None
        if retry_after is not None:
            return retry_after if retry_after <= self.max_wait else None
        return float(min(self.first * 2 ** (failures - 1), self.longest)) * (1 - self.chance() / 2)


_READ_S = 75.0  # a long poll may take a minute; an event stream sends a comment every 15 seconds


@dataclass(frozen=True, slots=True)
class Keys:
    """The project and the keys that authorize an end user's requests in it."""

    project_id: str
    developer_key: str = field(repr=False)
    api_key: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-User-Role": "end_user",
            "X-Developer-Key": self.developer_key,
            "X-Project-ID": self.project_id,
            "X-API-Key": self.api_key,
        }


class Session:
    """The session of one end user; threads may share it."""

    def __init__(
        self,
        base_url: str,
        keys: Keys,
        login: dict[str, str],
        retries: Retries,
        sleep: Callable[[float], None],
    ) -> None:
        self.keys, self.retries, self.sleep = keys, retries, sleep
        self._login = login
        timeout = httpx.Timeout(_READ_S, connect=10.0)
        self._http = httpx.Client(base_url=base_url.rstrip("/"), timeout=timeout, follow_redirects=False)
        self._tokens: dict[str, str] = {}
        self._renewing = threading.Lock()

    def close(self) -> None:
        self._http.close()

    def log_in(self) -> None:
        """Get tokens for e-mail and password; the first request does so otherwise."""
        headers = {"X-Project-ID": self.keys.project_id}
        response = self._retried(lambda: self._http.post("/api/v1/auth/login", json=self._login, headers=headers))
        self._tokens = response.json()

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **sent: Any
    ) -> httpx.Response:
        """Send a repeatable request with retries; raise its last error."""

        def send(token: Mapping[str, str]) -> httpx.Response:
            return self._http.request(method, path, headers={**(headers or {}), **token}, **sent)

        return self._retried(lambda: self._authorized(send))

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Open a streamed response, without retries."""

        def send(token: Mapping[str, str]) -> httpx.Response:
            request = self._http.build_request("GET", path, headers={**headers, **token})
            return self._http.send(request, stream=True)

        response = self._authorized(send)
        try:
            if response.is_error:
                response.read()
            yield response
        finally:
            response.close()

    def _authorized(self, send: Callable[[Mapping[str, str]], httpx.Response]) -> httpx.Response:
        """Send with a token, and again with a new one after a 401."""
        token = self._tokens.get("access_token") or self._renewed(None)
        response = send({"Authorization": f"Bearer {token}"})
        if response.status_code != 401:
            return response
        response.close()
        return send({"Authorization": f"Bearer {self._renewed(token)}"})

    def _renewed(self, old: str | None) -> str:
        """Get new tokens, unless another thread has."""
        with self._renewing:
            if self._tokens.get("access_token") == old and not (old and self._refreshed()):
                self.log_in()
            return self._tokens["access_token"]

    def _refreshed(self) -> bool:
        """Use the refresh token, which works once: after a lost response it is not sent again."""
        sent = {"refresh_token": self._tokens.pop("refresh_token", "")}
        try:
            response = self._http.post("/api/v1/auth/refresh", json=sent)
        except httpx.TransportError:
            return False
        if response.is_success:
            self._tokens = response.json()
        return response.is_success

    def _retried(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        failures = 0
        while True:
            response: httpx.Response | None = None
            failure: httpx.TransportError | None = None
            try:
                response = send()
            except httpx.TransportError as error:
                failure = error
            if response is not None and not response.is_error:
                return response
            failures += 1
            self.pause(failures, response, failure)

    def pause(
        self, failures: int, response: httpx.Response | None, failure: Exception | None, *, least: float = 0.0
    ) -> None:
        """Sleep until the next attempt, at least `least` seconds; raise the error if there is none."""
        pause = self.retries.pause(failures, response)
        if pause is not None:
            self.sleep(max(pause, least))
        elif response is not None:
            raise error_of(response)
        else:
            raise ConnectionFailedError(f"No response after {failures} attempts: {failure}") from failure
