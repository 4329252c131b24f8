"""Download a provider's outputs: only from its hosts, without the API token or redirects, up to a size."""

from fnmatch import fnmatch
from functools import cached_property
from urllib.parse import urlsplit

import aiohttp

from actors.providers.creation import open_session
from actors.providers.provider import OutputGoneError, OutputRefusedError, ProviderUnavailableError
from actors.providers.settings import ReplicateSettings


class Outputs:
    """Download outputs over plain HTTP(S); no proxy of the environment sees them."""

    def __init__(self, settings: ReplicateSettings) -> None:
        self._settings = settings
        self._api = urlsplit(settings.replicate_base_url)

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        seconds = self._settings.read_seconds
        return open_session(
            timeout=aiohttp.ClientTimeout(total=3 * seconds, sock_connect=seconds, sock_read=seconds),
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,  # a small response must not become larger than the limit
        )

    async def download(self, url: str) -> bytes:
        """Read one output whole. Raises OutputGoneError, OutputRefusedError, ProviderUnavailableError."""
        try:
            self._check_host(url)
            return await self._read(url)
        except aiohttp.InvalidURL as error:
            raise OutputRefusedError("no address") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ProviderUnavailableError(type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        if "_session" in vars(self):
            await self._session.close()

    async def _read(self, url: str) -> bytes:
        async with self._session.get(url, allow_redirects=False) as response:
            _check_status(response.status)
            chunks, size = list[bytes](), 0
            async for chunk in response.content.iter_any():
                chunks.append(chunk)
                size += len(chunk)
                if size > self._settings.output_bytes:
                    raise OutputRefusedError("larger than allowed")
        return b"".join(chunks)

    def _check_host(self, url: str) -> None:
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise OutputRefusedError("no address") from error
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
