"""Requests with a user's tokens, sent again where that is safe."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from exemplar_client.errors import ConnectionFailedError, error_of
from exemplar_client.retries import Retries

_READ_S = 75.0  # a long poll may take a minute, and a silent event stream speaks every 15 seconds


@dataclass(frozen=True, slots=True)
class Keys:
    """What names a project and proves that its developer wants the request."""

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
    """One end user's conversation with the service; may be used by several threads."""

    def __init__(
        self,
        base_url: str,
        keys: Keys,
        email: str,
        password: str,
        *,
        retries: Retries,
        sleep: Callable[[float], None],
    ) -> None:
        self.keys, self.retries, self.sleep = keys, retries, sleep
        self._login = {"email": email, "password": password}
        timeout = httpx.Timeout(_READ_S, connect=10.0)
        self._http = httpx.Client(base_url=base_url.rstrip("/"), timeout=timeout, follow_redirects=False)
        self._tokens: dict[str, str] = {}
        self._renewing = threading.Lock()

    def close(self) -> None:
        self._http.close()

    def log_in(self) -> None:
        """Fetch tokens for e-mail and password; they are fetched by themselves where this was not called."""
        headers = {"X-Project-ID": self.keys.project_id}
        answer = self._again(lambda: self._http.post("/api/v1/auth/login", json=self._login, headers=headers))
        self._tokens = answer.json()

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **sent: Any
    ) -> httpx.Response:
        """Send what may be sent twice, and again while that helps; raise what stays wrong."""

        def send() -> httpx.Response:
            return self._authorized(
                lambda token: self._http.request(method, path, headers={**(headers or {}), **token}, **sent)
            )

        return self._again(send)

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Open an answer that is read as it comes, once."""

        def send(token: Mapping[str, str]) -> httpx.Response:
            return self._http.send(
                self._http.build_request("GET", path, headers={**headers, **token}), stream=True
            )

        answer = self._authorized(send)
        try:
            if answer.is_error:
                answer.read()
            yield answer
        finally:
            answer.close()

    def _authorized(self, send: Callable[[Mapping[str, str]], httpx.Response]) -> httpx.Response:
        """Send with a token; with a new one, if the first was refused."""
        token = self._tokens.get("access_token") or self._renewed(None)
        answer = send({"Authorization": f"Bearer {token}"})
        if answer.status_code != 401:
            return answer
        answer.close()
        return send({"Authorization": f"Bearer {self._renewed(token)}"})

    def _renewed(self, old: str | None) -> str:
        """Fetch new tokens, unless another thread has."""
        with self._renewing:
            if self._tokens.get("access_token") == old and not (old and self._refreshed()):
                self.log_in()
            return self._tokens["access_token"]

    def _refreshed(self) -> bool:
        """Use the refresh token, which works once: an answer that is lost must not be asked for again."""
        sent = {"refresh_token": self._tokens.pop("refresh_token", "")}
        try:
            answer = self._http.post("/api/v1/auth/refresh", json=sent)
        except httpx.TransportError:
            return False
        if answer.is_success:
            self._tokens = answer.json()
        return answer.is_success

    def _again(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        failures = 0
        while True:
            answer, lost = _sent(send)
            if answer is not None and not answer.is_error:
                return answer
            failures += 1
            self.pause(failures, answer, lost)

    def pause(
        self, failures: int, answer: httpx.Response | None, lost: Exception | None, *, least: float = 0.0
    ) -> None:
        """Sleep until the next attempt, at least so many seconds; raise what went wrong, if there is none."""
        pause = self.retries.pause(failures, answer)
        if pause is not None:
            self.sleep(max(pause, least))
        elif answer is not None:
            raise error_of(answer)
        else:
            raise ConnectionFailedError(f"No answer after {failures} attempts: {lost}") from lost


def _sent(send: Callable[[], httpx.Response]) -> tuple[httpx.Response | None, Exception | None]:
    try:
        return send(), None
    except httpx.TransportError as error:
        return None, error
