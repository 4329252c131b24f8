"""Download a provider's outputs: only from its hosts, without the API token or redirects, up to a size."""

import asyncio
from fnmatch import fnmatch
from urllib.parse import urlsplit

import httpx

from actors.providers.provider import OutputGoneError, OutputRefusedError, ProviderUnavailableError
from actors.providers.settings import ReplicateSettings


class Outputs:
    """Download outputs over plain HTTP(S); `trust_env` is off, so no proxy of the environment sees them."""

    def __init__(self, settings: ReplicateSettings) -> None:
        self._settings = settings
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=settings.read_seconds)
        self._api = urlsplit(settings.replicate_base_url)

    async def download(self, url: str) -> bytes:
        """Read one output whole. Raises OutputGoneError, OutputRefusedError, ProviderUnavailableError."""
        try:
            self._check_host(url)
            async with asyncio.timeout(3 * self._settings.read_seconds):
                return await self._read(url)
        except (ValueError, httpx.InvalidURL) as error:
            raise OutputRefusedError("no address") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderUnavailableError(type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _read(self, url: str) -> bytes:
        # No decompression: a small response must not become larger than the limit.
        async with self._client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
            _check_status(response.status_code)
            data = bytearray()
            async for chunk in response.aiter_raw():
                data += chunk
                if len(data) > self._settings.output_bytes:
                    raise OutputRefusedError("larger than allowed")
        return bytes(data)

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        own = (parts.scheme, parts.netloc) == (self._api.scheme, self._api.netloc)
        hosts = [pattern.strip() for pattern in self._settings.output_hosts.split(",")]
        listed = parts.scheme == "https" and any(fnmatch(parts.hostname or "", pattern) for pattern in hosts)
        if not (own or listed) or "@" in parts.netloc:
            raise OutputRefusedError("foreign host")


def _check_status(status: int) -> None:
    if status in (404, 410, 403):
        raise OutputGoneError(str(status))
    if 300 <= status < 400:
        raise OutputRefusedError("redirect")
    if status != 200:
        raise ProviderUnavailableError(str(status))
