"""Webhooks sent by a command, signed as the service signs them, to a program that is being developed."""

import time
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Final, Self

import httpx

from domain.webhooks.signature import SECRET_PREFIX, signed_headers
from exemplar.client_commands.profiles import local_secret
from exemplar.clock import now
from exemplar.environment import ConfigurationError

_TIMEOUT_S: Final = 15.0
"""As long as the service waits."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the receiver answered; `fault`: why there was no answer."""

    status: int | None
    milliseconds: int
    fault: str | None = None

    @property
    def accepted(self) -> bool:
        """Tell whether the service would count it as delivered."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def text(self) -> str:
        """Write the answer for people."""
        return f"{self.status} in {self.milliseconds} ms" if self.status else f"no answer: {self.fault}"


@dataclass(frozen=True, slots=True)
class LocalDelivery:
    """Sends messages to one URL; close it in the end."""

    url: str
    secret: str = field(repr=False)
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=_TIMEOUT_S), init=False, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, message_id: str, body: bytes, *, version: int) -> Response:
        """Send a message once; version: the number of its event."""
        headers = signed_headers(message_id, body=body, secrets=[self.secret], version=version, now=now())
        began = time.monotonic()
        try:
            answer = self._http.post(self.url, content=body, headers=headers)
        except httpx.TransportError as error:
            return Response(None, _since(began), str(error) or type(error).__name__)
        return Response(answer.status_code, _since(began))


def delivery_to(url: str, secret: str | None) -> LocalDelivery:
    """Prepare deliveries to a URL, where `http://` may be left out, with a secret or the one of this user."""
    address = url if "://" in url else f"http://{url}"
    try:
        parsed = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"--forward-to {url}: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigurationError(f"--forward-to {url}: write an address, such as localhost:3000/hook")
    return LocalDelivery(address, require_secret(secret) if secret else local_secret())


def require_secret(secret: str) -> str:
    """Refuse what no receiver could verify with."""
    try:
        key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not (key and secret.startswith(SECRET_PREFIX)):
        raise ConfigurationError("--secret: expected whsec_ and Base64, as `exemplar listen` prints it")
    return secret


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
