"""The paid request, by aiohttp: sent once, whatever becomes of its connection."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import aiohttp
import httpx
from pydantic_core import to_json

from actors.providers.settings import ReplicateSettings
from domain.generation.prediction import parse_answer
from store.crash_points import crash_point


@dataclass(frozen=True, slots=True)
class Response:
    """A response as it arrived: `body` is parsed JSON, or None for anything else."""

    status: int
    headers: Mapping[str, Any]
    body: Any


class Creation:
    """The creation of predictions, over connections that are kept. aiohttp never repeats a POST."""

    def __init__(self, settings: ReplicateSettings) -> None:
        self._url = f"{settings.replicate_base_url.rstrip('/')}/v1/predictions"
        self._token = settings.replicate_api_token

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        """Opened by the first request: a gateway sends none. The caller sets the time-out: aiohttp rounds it up."""
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}", "Content-Type": "application/json"}
        return open_session(timeout=aiohttp.ClientTimeout(total=None), headers=headers)

    async def post(self, fields: Mapping[str, Any]) -> Response:
        """Send one request and read its whole response.

        Raises ClientConnectorError when nothing was sent, any other ClientError or OSError when that is unknown.
        """
        async with self._session.post(self._url, data=to_json(fields), allow_redirects=False) as response:
            crash_point("invocation", "during_request")
            return Response(response.status, response.headers, parsed(await response.read()))

    async def close(self) -> None:
        """Close the connections."""
        if "_session" in vars(self):
            await self._session.close()


@cache
def _trust() -> ssl.SSLContext:
    """Load the authorities that the official client trusts."""
    return httpx.create_ssl_context()


def open_session(**options: Any) -> aiohttp.ClientSession:
    """Open a client that keeps no cookies and never waits for a free connection."""
    connector = aiohttp.TCPConnector(limit=0, ssl=_trust())
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), **options)


def parsed(content: bytes) -> Any:
    """Parse JSON; None for anything else."""
    try:
        return parse_answer(content)
    except (ValueError, RecursionError):
        return None
