"""The URL that a provider calls back: generation and attempt, with an HMAC over both."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from domain.paths import PROVIDER_CALLBACK


@dataclass(frozen=True, slots=True)
class Callback:
    """The paid call that a callback belongs to."""

    generation: str
    attempt: int


def callback_url(base: str, callback: Callback, secrets: Sequence[bytes], *, provider: str) -> str:
    """Return the absolute URL for one attempt, signed with the first secret."""
    query = {"g": callback.generation, "a": str(callback.attempt), "s": _signature(callback, secrets[0])}
    path = PROVIDER_CALLBACK.format(provider=provider)
    return f"{base.rstrip('/')}{path}?{urlencode(query)}"


def read_callback(query: Mapping[str, str], secrets: Sequence[bytes]) -> Callback | None:
    """Read the query of a callback URL; None unless it is signed with one of the secrets."""
    attempt = query.get("a", "")
    if not (attempt.isascii() and attempt.isdigit() and len(attempt) <= 6):
        return None
    callback = Callback(query.get("g", ""), int(attempt))
    given = query.get("s", "").encode()
    signed = [hmac.compare_digest(given, _signature(callback, secret).encode()) for secret in secrets]
    return callback if any(signed) else None


def callback_of_url(url: str, secrets: Sequence[bytes]) -> Callback | None:
    """Read the callback from a URL that a provider echoes; None for any other URL."""
    try:
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    except ValueError:
        return None
    return read_callback(query, secrets)


def _signature(callback: Callback, secret: bytes) -> str:
    message = f"{callback.generation}:{callback.attempt}".encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()
